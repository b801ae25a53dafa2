import type { Command } from 'commander'
import { isTaskId } from '../../src/supervisor/domain/names.ts'
import { json, line } from '../print.ts'
import { act } from '../session.ts'

/** explain: why an agent or a task is as it is. */
export function addExplainCommand(program: Command): void {
  program
    .command('explain')
    .description('why an agent or a task is as it is, and what would have to change')
    .argument('<agent|task>')
    .action(
      act<[string], object>(async (session, [subject]) => {
        const client = await session.client()
        const name = isTaskId(subject) ? 'tasks.explain' : 'agents.explain'
        const explanation = await client.call(name, { id: subject })
        if (session.json) return json(explanation)
        const { state, summary, since, reasons, wayOut, evidence } = explanation
        line(`${subject} is ${state} since ${new Date(since).toISOString()}: ${summary}`)
        for (const { text, until } of reasons)
          line(
            `  because ${text}${until === null ? '' : ` (until ${new Date(until).toISOString()})`}`,
          )
        for (const way of wayOut) line(`  way out: ${way}`)
        for (const { source, at, detail } of evidence)
          line(`  evidence: ${source} at ${new Date(at).toISOString()}: ${detail}`)
      }),
    )
}

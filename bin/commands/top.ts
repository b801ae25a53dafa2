import type { Command } from 'commander'
import { json } from '../print.ts'
import { act } from '../session.ts'

// A file has no columns: as wide as it is useful.
const snapshotColumns = 160

/** top: the squad as it is, live. */
export function addTopCommand(program: Command): void {
  program
    .command('top')
    .description('agents, queue and waits, live; a snapshot when stdout is no terminal')
    .action(
      act(async (session) => {
        const client = await session.client()
        if (!session.json && process.stdout.isTTY && process.stdin.isTTY) {
          const { Top } = await import('../top/top.ts')
          return Top.run(client)
        }
        const { read } = await import('../top/live.ts')
        const reading = await read(client, new Map())
        const { status, agents, tasks } = reading
        if (session.json) return json({ status, agents, tasks: [...tasks.values()] })
        const { snapshot } = await import('../top/view.ts')
        const { plainText } = await import('../top/text.ts')
        const facts = { now: Date.now(), status, agents, tasks, selected: null, message: null }
        const lines = snapshot(facts, process.stdout.columns || snapshotColumns)
        process.stdout.write(`${lines.map((one) => plainText(one).trimEnd()).join('\n')}\n`)
      }),
    )
}

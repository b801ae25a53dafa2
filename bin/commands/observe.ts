import { resolve } from 'node:path'
import type { Command } from 'commander'
import type { SquadEvent } from '../../src/supervisor/domain/event.ts'
import { whole } from '../arguments.ts'
import { json, jsonLine, line, plain, table } from '../print.ts'
import type { Session } from '../session.ts'
import { act } from '../session.ts'

type Events = { follow?: true; since?: number; limit?: number }

/** events, metrics, config. */
export function addObserveCommands(program: Command): void {
  program
    .command('events')
    .description('what has happened; with --json one event a line')
    .option('--follow', 'go on with what happens, over restarts of the daemon')
    .option('--since <n>', 'only events after this number', whole(0))
    .option('--limit <n>', 'without --follow: only the newest', whole(1))
    .action(
      act<[], Events>(async (session, _, { follow = false, since, limit }) => {
        const client = await session.client()
        const from = since ?? (follow ? undefined : 0)
        const events = client.events({ follow, ...(from === undefined ? {} : { since: from }) })
        if (follow || limit === undefined) for await (const one of events) tell(session, one)
        else for (const one of await newest(events, limit)) tell(session, one)
      }),
    )

  program
    .command('metrics')
    .description('metrics in the format of Prometheus')
    .action(
      act(async (session) => {
        const client = await session.client()
        const text = await client.call('metrics', {})
        if (!session.json) return plain(text)
        const { parseExposition } = await import('../exposition.ts')
        json(parseExposition(text))
      }),
    )

  const config = program.command('config').description('the configuration')
  config
    .command('show')
    .description('every setting, its value and where that comes from')
    .option('--config <file>', 'configuration file', (file) => resolve(file))
    .action(
      act<[], { config?: string }>(async (session, _, { config: file }) => {
        const { configOrigin } = await import('../../src/supervisor/api/local.ts')
        const settings = configOrigin(file ?? session.home.configFile, {
          required: file !== undefined,
        })
        if (session.json) return json(settings)
        const rows = Object.entries(settings).map(([name, { value, origin }]) => [
          name,
          typeof value === 'object' ? JSON.stringify(value) : String(value),
          origin,
        ])
        table(['setting', 'value', 'from'], rows)
      }),
    )
}

function tell(session: Session, event: SquadEvent): void {
  if (session.json) return jsonLine(event)
  const { seq, at, type, taskId, agentId, data } = event
  const who = [taskId, agentId].filter((one) => one !== undefined).join(' ')
  const what = Object.entries(data)
    .map(([name, value]) => `${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`)
    .join(' ')
  const words = [String(seq), new Date(at).toISOString(), type, who, what]
  line(
    words
      .filter((word) => word !== '')
      .join(' ')
      .replaceAll('\n', ' '),
  )
}

async function newest(events: AsyncIterable<SquadEvent>, limit: number): Promise<SquadEvent[]> {
  const kept: SquadEvent[] = []
  for await (const event of events) {
    kept.push(event)
    if (kept.length > limit) kept.shift()
  }
  return kept
}

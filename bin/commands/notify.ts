import type { Command } from 'commander'
import { SquadError } from '../../src/supervisor/domain/error.ts'
import { json, table } from '../print.ts'
import { act } from '../session.ts'

/** notify: who is told of what. */
export function addNotifyCommands(program: Command): void {
  const notify = program
    .command('notify')
    .description('who is told of which events, by `notifications` of the configuration')

  notify
    .command('list')
    .description('the notifications, and how many notices wait')
    .action(
      act(async (session) => {
        const client = await session.client()
        const found = await client.call('notifications.list', {})
        if (session.json) return json(found)
        table(
          ['name', 'target', 'waiting', 'on'],
          found.map(({ name, target, waiting, on }) => [name, target, `${waiting}`, on.join(', ')]),
        )
      }),
    )

  notify
    .command('test')
    .description('send one now, or each; exit 1 when one was not taken')
    .argument('[name]', 'default: all')
    .action(
      act<[string | undefined]>(async (session, [name]) => {
        const client = await session.client()
        const input = name === undefined ? {} : { name }
        const reports = await client.call('notifications.test', input)
        if (session.json) json(reports)
        else
          table(
            ['name', 'target', 'took', 'result'],
            reports.map((one) => [
              one.name,
              one.target,
              `${one.durationMs}ms`,
              one.ok ? 'delivered' : (one.problem ?? 'failed'),
            ]),
          )
        const failed = reports.filter(({ ok }) => !ok).map((one) => one.name)
        if (failed.length > 0)
          throw new SquadError('SQUADD_NOTIFICATION_FAILED', `not delivered: ${failed.join(', ')}`)
      }),
    )
}

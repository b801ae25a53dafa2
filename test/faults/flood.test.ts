import t from 'tap'
import { packagedBin } from '../bench/package.ts'
import { flood } from '../flood/flood.ts'
import { fieldFor } from '../support/guarded.ts'
import { logged } from '../support/log.ts'

t.setTimeout(300_000)

const tasks = 3000
const megabyte = 2 ** 20

t.test(
  'a flood is acknowledged or refused with the time to come again, and nobody waits',
  async (t) => {
    // The promise is of what people install: from source it takes some 50 MB more.
    const { field, invariants } = fieldFor(t, {}, await packagedBin())
    field.configure({ taskQueueSize: 2000 })
    await field.open(['ada'])
    const small = await flood(field.squad, { tasks })
    t.match(small, { other: 0, firstOther: '' }, JSON.stringify(small))
    t.equal(small.acknowledged + small.refused, tasks)
    t.ok(small.refused > 0 && small.acknowledged >= 2000, 'some of each')
    t.ok(small.rssBytes < 300 * megabyte, `${Math.round(small.rssBytes / megabyte)} MB`)
    t.equal(
      invariants.ledger.tasks.length,
      small.acknowledged,
      'each acknowledged one is there, once',
    )

    await field.client.call('agents.pause', { id: 'ada', now: true })
    field.configure({ taskQueueSize: 3000 })
    process.kill(await field.squad.pid(), 'SIGHUP')
    await logged(field.squad, 'configuration read again')
    const large = await flood(field.squad, { tasks: 60, callers: 8, promptBytes: 900_000 })
    t.match(large, { acknowledged: 60, refused: 0, other: 0, firstOther: '' })
    t.ok(
      large.rssBytes < 300 * megabyte,
      `${Math.round(large.rssBytes / megabyte)} MB with large prompts`,
    )
    t.same(await invariants.now(), [])
  },
)

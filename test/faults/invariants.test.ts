import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { appendFileSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import t from 'tap'
import type { Client } from '../../src/supervisor/api/client.ts'
import { fieldFor } from '../support/guarded.ts'
import { compared, replayed } from '../support/invariants/ledger.ts'
import { disagreeing } from '../support/invariants/metrics.ts'
import { alone, leaked, litter, processesOf } from '../support/invariants/processes.ts'

t.test('a squad that works violates nothing, and every violation is seen', async (t) => {
  const { field, invariants } = fieldFor(t)
  const squad = field.squad
  await field.open(['ada', 'bob'])
  const tasks = await field.submit('one')
  invariants.acknowledge(tasks)
  const [ada] = await field.agentViews()
  invariants.canaries.plant(ada!.worktree, 'unsaved.txt', 'work in progress\n')
  t.same(await invariants.now(), [], 'while it works')
  await field.settled(tasks)
  t.same(await invariants.quiet(field.client), [], 'when all is done')

  // What has healed by the second look of one wait was violated all the same.
  const foreign = join(squad.dir, 'foreign', 'file')
  const fact = join(squad.home, 'agents', 'a1', 'outbox', `${tasks[0]!.id}-1.exit`)
  const meant = readFileSync(foreign)
  let looks = 0
  const healing = {
    call: (...asked: Parameters<Client['call']>) => {
      if (asked[0] === 'agents.list' && ++looks === 2) {
        writeFileSync(foreign, meant)
        rmSync(fact, { force: true })
      }
      return field.client.call(...asked)
    },
  } as Client
  writeFileSync(foreign, 'changed')
  writeFileSync(fact, '')
  t.same(await invariants.quiet(healing), ['I10: a foreign file was changed'], 'seen once, kept')
  t.equal(looks, 2, 'and what may be late was waited for')
  t.same(await invariants.quiet(field.client), [], 'told once')

  const good = invariants.ledger
  const first = good.tasks[0]!
  const seen = (wrong: string[], what: RegExp) =>
    t.ok(
      wrong.some((one) => what.test(one)),
      `${String(what)} in ${JSON.stringify(wrong)}`,
    )
  const others = good.tasks.slice(1)
  const ended = good.events.findLast(
    ({ task, type }) => task === first.id && type === 'TaskCompleted',
  )!
  const next = good.events.at(-1)!.seq + 1

  seen(compared(good, { ...good, tasks: others }), /I1: t1 is gone/)
  seen(
    compared(good, { ...good, tasks: [{ ...first, state: 'held' }, ...others] }),
    /I3: t1 was completed and is held/,
  )
  seen(
    replayed({ ...good, events: [...good.events, { ...ended, seq: next }] }),
    /I3: t1 was completed at TaskCompleted/,
  )
  seen(
    replayed({ ...good, events: good.events.filter((one) => one !== ended) }),
    /I4: t1 is completed, its events say running/,
  )
  seen(replayed({ ...good, events: [...good.events, ended] }), /I3: event \d+ comes after/)
  seen(replayed({ ...good, counts: { ...good.counts, held: 1 } }), /I9: 1 tasks are counted held/)
  seen(disagreeing(new Map([['squadd_tasks{state="held"}', 1]]), null, good), /I9/)
  seen(
    disagreeing(new Map([['x_total', 1]]), new Map([['x_total', 2]]), good),
    /I9: x_total went back/,
  )
  const run = (agent: string, attempt: string, pid: number) =>
    ({ pid, agent, kind: 'run', attempt }) as const
  seen(alone([run('a1', 't1-1', 1), run('a1', 't2-1', 2)], good), /I2: a1 runs t1-1,t2-1/)
  seen(alone([run('a1', 't1-1', 1), run('a2', 't1-1', 2)], good), /I2: t1 runs on/)
  const host = (pid: number) => ({ pid, agent: 'a1', kind: 'host', attempt: null }) as const
  seen(alone([host(1), host(2)], good), /I2: a1 has hosts 1,2/)
  seen(
    leaked([host(1)], { ...good, agents: [] }, squad.home),
    /I5: host 1 of a1, which is no agent/,
  )

  // And in the world itself: a process of an attempt that is over, its litter, a foreign file, work.
  const stray = spawn('sleep', ['600'], {
    env: { SQUADD_RUN_ID: `${good.instance}/a1/${first.id}-1` },
    stdio: 'ignore',
  })
  await once(stray, 'spawn')
  seen(
    leaked(processesOf(good.instance), good, squad.home),
    /I5: process \d+ \(sleep 600 ?\) is left of t1-1/,
  )
  stray.kill('SIGKILL')
  await once(stray, 'exit')
  writeFileSync(fact, '')
  seen(litter(join(squad.home, 'agents'), good), /I5: outbox\/t1-1\.exit of ada is left/)
  rmSync(fact)
  appendFileSync(foreign, 'changed')
  rmSync(join(ada!.worktree, 'unsaved.txt'))
  const wrong = await invariants.now()
  seen(wrong, /I10: a foreign file was changed/)
  seen(wrong, /I6: .*unsaved\.txt is lost/)

  const store = new DatabaseSync(join(squad.home, 'squadd.db'), { timeout: 5000 })
  store.exec(`delete from task where id = 2`)
  store.close()
  seen(await invariants.now(), /I1: t2 was acknowledged and is not there/)
})

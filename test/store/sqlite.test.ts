import { join } from 'node:path'
import t from 'tap'
import { readNotifications } from '../../src/supervisor/domain/notification.ts'
import type { Store } from '../../src/supervisor/domain/ports.ts'
import { openFile, openSqliteStore, overSqlite } from '../../src/supervisor/store/open.ts'
import { rows } from '../../src/supervisor/store/statement.ts'
import { storeContract } from './contract.ts'
import { storeProperties } from './properties.ts'
import type { OpenStore } from './support.ts'
import {
  add,
  agentSpec,
  backOff,
  finish,
  hold,
  patience,
  someone,
  first,
  spec,
  succeed,
  t0,
  take,
  verdictOf,
} from './support.ts'

const dir = t.testdir()
let files = 0

const inFile: OpenStore = (t, { taskQueueSize = 100_000 } = {}) => {
  const file = join(dir, `${(files += 1)}.db`)
  const store = openSqliteStore({ file, patience, taskQueueSize: () => taskQueueSize, now: t0 })
  t.teardown(() => store.close())
  return store
}

storeContract(inFile)

const inMemory: OpenStore = (t, { taskQueueSize = 100_000 } = {}) => {
  const store = openSqliteStore({
    file: ':memory:',
    patience,
    taskQueueSize: () => taskQueueSize,
    now: t0,
  })
  t.teardown(() => store.close())
  return store
}

storeProperties(inMemory, 1000)

/** Uses every statement of the store at least once. */
async function useEverything(store: Store): Promise<void> {
  await store.addAgent(agentSpec('ann'), (key) => key, t0)
  await store.updateAgent('ann', { goal: 'paused' }, [{ type: 'AgentPaused' }], t0)
  await store.enqueue(
    [
      spec({ ref: 'a', key: 'k' }),
      spec({ after: ['a'] }),
      spec({ ref: 'c' }),
      spec({ after: ['c'], onParentFailure: 'hold' }),
      spec({ after: ['c'], onParentFailure: 'run' }),
      spec({ notBeforeAt: t0 + 1 }),
    ],
    t0,
  )
  await add(store, { after: ['t1'] })
  await store.claim([someone], first, 1, t0)
  await store.askStop('t1', 1, 'preempted')
  await store.record(verdictOf({ id: 't1', fence: 1 }), succeed, t0)
  await store.record(verdictOf({ id: 't1', fence: 9 }), succeed, t0)
  await store.cancel('t3', '', t0)
  await store.release('t4', t0)
  await store.retry('t3', t0)
  await finish(store, backOff(t0))
  await store.promote(t0 + 1)
  await finish(store, hold())
  const { id } = await take(store)
  await store.cancel(id, '', t0)
  await store.enqueue([spec(), spec()], t0)
  await store.claim([someone, { ...someone, id: 'bob' }], first, 2, t0)
  for (const filter of [{}, { state: 'ready' }, { agent: 'ann' }, { before: 't3' }] as const)
    store.tasks(filter)
  store.tasks({ state: 'ready', agent: 'ann', before: 't9' })
  store.oldestReadyAt()
  store.urgent()
  store.readyByPriority()
  store.ahead('t2')
  store.parents('t2')
  await store.note('name', 1, [], t0)
  await store.note('name', null, [], t0)
  store.notes()
  store.eventsSince(0, 9)
  store.eventsSince(0, 9, ['TaskHeld'])
  await store.trimEvents(2)
  await store.forget(t0)
  await store.append([{ type: 'TaskHeld', taskId: 't1' }], t0)
  const [notice] = await store.takeNotices('ops', 9, () => t0, t0)
  await store.settleNotice(notice!, { kind: 'failed', problem: '', retryAt: t0 }, t0)
  await store.settleNotice(notice!, { kind: 'delivered' }, t0)
  await store.giveUpNotices(['ops'], t0)
  store.waitingNotices()
  await store.removeAgent('ann', [], t0)
}

t.test('every statement finds its rows by an index', async (t) => {
  const connection = openFile(':memory:', t0)
  const ops = { name: 'ops', on: ['TaskHeld'], priorities: ['normal'], desktop: true }
  const notifications = readNotifications([ops])
  const store = overSqlite(connection, {
    patience,
    taskQueueSize: () => 100,
    notifications: () => notifications,
  })
  t.teardown(() => store.close())
  await useEverything(store)
  const planOf = (sql: string) =>
    connection
      .run(rows<{ detail: string }>(`explain query plan ${sql}`))
      .map(({ detail }) => detail)
      .join('\n')
  const statements = [...connection.prepared.keys()].map((sql) => sql.replace(/\s+/g, ' ').trim())
  const plans = statements
    .filter((sql) => /^(select|with|insert|update|delete)/.test(sql))
    .map((sql) => ({ sql, plan: planOf(sql) }))
  t.ok(plans.length > 40)
  for (const { sql, plan } of plans)
    t.notMatch(plan, /SCAN (task|spec|dep|attempt|late|result|event)\b|TEMP B-TREE/, sql)
  const uses = (part: string, ...steps: string[]) => {
    const found = plans.filter(({ sql }) => sql.includes(part))
    t.ok(found.length > 0, `there is a statement with: ${part}`)
    for (const { sql, plan } of found)
      for (const step of steps) t.ok(plan.includes(step), `${step}: ${sql}\n${plan}`)
  }
  uses('with recursive head', 'COVERING INDEX task_ready (state=? AND lane>?)')
  uses('lane = ?1 order by rank', 'COVERING INDEX task_ready (state=? AND lane=?)')
  uses('min(not_before)', 'COVERING INDEX task_delayed (state=?)')
  uses('not_before <= ?3', 'COVERING INDEX task_delayed (state=? AND not_before<?)')
  uses(
    'set unmet = unmet - 1',
    'task USING INTEGER PRIMARY KEY',
    'dep USING PRIMARY KEY (parent=?)',
  )
  uses('dep.on_failure from dep', 'dep USING PRIMARY KEY (parent=?)')
  uses('where dep.child = ?1', 'INDEX dep_child (child=?)')
  uses('where seq > ?1', 'event USING INTEGER PRIMARY KEY (rowid>?)')
  uses('task.id < ?1 and task.state = ?3 order', 'INDEX task_state (state=? AND id<?)')
  uses('task.id < ?1 and task.agent = ?3 order', 'INDEX task_agent (agent=? AND id<?)')
  uses('select created_at', 'INDEX task_state (state=?)')
  uses("priority = 'critical'", 'task_urgent (state=? AND priority=?)')
  uses('rank = ?2 and id < ?3', 'task_ready (state=? AND lane=?')
  uses('from task where key = ?1', 'INDEX task_key (key=?)')
})

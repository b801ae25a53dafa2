import t from 'tap'
import { openFile, overSqlite } from '../../src/supervisor/store/open.ts'
import type { AfterBackup, SavedTask } from '../../src/supervisor/store/restored.ts'
import { afterRestore } from '../../src/supervisor/store/restored.ts'
import type { Connection } from '../../src/supervisor/store/sqlite.ts'
import { row, rows } from '../../src/supervisor/store/statement.ts'
import { beginAt, flush } from '../../src/supervisor/store/transaction.ts'
import { add, finish, patience, succeed, t0, take } from './support.ts'

const settings = { patience, taskQueueSize: () => 100 }

function open() {
  const connection = openFile(':memory:', t0)
  return { connection, store: overSqlite(connection, settings) }
}

/** All rows of a task, as they are. */
function rowsOf(connection: Connection, id: number): SavedTask {
  const ask = (sql: string) => connection.run(rows<SavedTask['spec']>(sql, id))
  return {
    task: ask('select * from task where id = ?1')[0] as SavedTask['task'],
    spec: ask('select * from spec where task_id = ?1')[0]!,
    dependencies: ask('select * from dep where child = ?1'),
    attempts: ask('select * from attempt where task_id = ?1'),
    result: ask('select * from result where task_id = ?1')[0] ?? null,
  }
}

function restoreInto(connection: Connection, after: Partial<AfterBackup>) {
  return connection.run(
    (function* () {
      const tx = beginAt(t0, settings)
      const held = yield* afterRestore(tx, {
        ...{ file: 'b.db', madeAt: t0, fences: new Map(), saved: [] },
        ...{ used: { task: 0, event: 0, agent: 0 }, ...after },
      })
      yield* flush(tx)
      return held
    })(),
  )
}

t.test('what could be read goes over the backup, and the counts follow', async (t) => {
  const [backup, damaged] = [open(), open()]
  for (const { store } of [backup, damaged]) {
    await add(store)
    await add(store, { after: ['t1'] })
    await add(store)
  }
  await finish(damaged.store, succeed())
  await add(damaged.store, { key: 'new' })
  const saved = [1, 2, 4].map((id) => rowsOf(damaged.connection, id))
  t.same(restoreInto(backup.connection, { saved }), [])
  for (const id of ['t1', 't2', 't3', 't4'])
    t.same(backup.store.task(id), damaged.store.task(id), id)
  t.same(backup.store.taskCounts(), damaged.store.taskCounts())
  t.match(await add(backup.store, { key: 'new' }), { id: 't4' })
  t.match(await take(backup.store), { id: 't2' }, 'its child goes on')
})

t.test('a child that could not be read goes on after its parent, or is held', async (t) => {
  const [backup, damaged] = [open(), open()]
  for (const { store } of [backup, damaged]) {
    await add(store)
    await add(store, { after: ['t1'] })
    await add(store, { after: ['t1'] })
  }
  await finish(damaged.store, succeed())
  const saved = [rowsOf(damaged.connection, 1)]
  t.same(restoreInto(backup.connection, { saved, fences: new Map([[3, 1]]) }), ['t3'])
  t.match(backup.store.task('t2'), { state: 'ready' })
  t.match(backup.store.task('t3'), { state: 'held', reason: /may have run/ })
  t.match(await backup.store.release('t3', t0), { state: 'ready' })
  t.match(backup.store.taskCounts(), { completed: 1, ready: 2, held: 0, blocked: 0 })
})

t.test('no number and no fence is used again, and what has begun since is held', async (t) => {
  const { connection, store } = open()
  for (let i = 0; i < 3; i++) await add(store)
  await take(store)
  const fences = new Map([
    [1, 1],
    [2, 3],
  ])
  const used = { task: 40, event: 900, agent: 7 }
  t.same(restoreInto(connection, { fences, used }), ['t2'])
  t.match(store.task('t1'), { state: 'running', fence: 1 }, 'its agent has it still')
  t.match(store.task('t2'), { state: 'held', fence: 3, starts: 0, reason: /may have run/ })
  t.match(store.task('t3'), { state: 'ready', fence: 0 })
  t.match(await add(store), { id: 't41' })
  t.ok(store.eventRange().last > 900)
  t.match(store.eventsSince(900, 9, ['StoreRestored']), [{ data: { held: ['t2'] } }])
  const { seq } = connection.run(
    row<{ seq: number }>(`select seq from sqlite_sequence where name = 'agent'`),
  )!
  t.equal(seq, 7)
  await store.release('t2', t0)
  t.match(await take(store, t0), { id: 't2', fence: 4, starts: 1 })
})

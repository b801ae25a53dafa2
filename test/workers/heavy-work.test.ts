import { once } from 'node:events'
import { mkdirSync, writeFileSync } from 'node:fs'
import { createServer, request } from 'node:http'
import { join } from 'node:path'
import t from 'tap'
import type { Task } from '../../src/supervisor/domain/task.ts'
import { createOutputLogs } from '../../src/workers/output-logs.ts'
import { HeavyWork } from '../../src/workers/heavy-work.ts'
import { createWorktrees } from '../../src/workers/worktree.ts'
import { FakeSquad } from '../support/fake-squad.ts'
import { git, gitScratch, leftovers, makeRepository } from '../support/git-repository.ts'
import { ask, makeServer, scratch } from '../support/api.ts'
import { Squadd } from '../support/squadd.ts'

t.setTimeout(180_000)

const dir = gitScratch()
const mebibyte = 1024 * 1024

/**
 * The longest turn of the event loop while `work` is under way, in ms of this thread's own CPU time: a
 * busy machine makes a turn last longer, but not work more.
 */
async function longestTurnMs(work: () => Promise<unknown>): Promise<number> {
  let longest = 0
  let last = process.threadCpuUsage()
  let isDone = false
  const look = () => {
    const { user, system } = process.threadCpuUsage(last)
    longest = Math.max(longest, user + system)
    last = process.threadCpuUsage()
    if (!isDone) setImmediate(look)
  }
  look()
  await work()
  await new Promise((resolve) => setImmediate(resolve))
  isDone = true
  return longest / 1000
}

/** Text of that many bytes; every line has something outside of ASCII, as terminals do. */
function writeLarge(file: string, size: number): void {
  const line = 'größer als alles, was jemand lesen möchte: ✓ 0123456789\n'
  writeFileSync(file, line.repeat(Math.ceil(size / Buffer.byteLength(line))))
}

/** Asks the API, throws away what it answers and says how much that was. */
function bytesFrom(socketPath: string, path: string): Promise<number> {
  return new Promise((resolve, reject) => {
    request({ socketPath, path, agent: false }, (response) => {
      let bytes = 0
      response.on('data', (chunk: Buffer) => (bytes += chunk.length))
      response.on('end', () => resolve(bytes)).on('error', reject)
    })
      .on('error', reject)
      .end()
  })
}

t.test('the turns are measured: work in one of them shows', async (t) => {
  const spin = async () => {
    const { user } = process.threadCpuUsage()
    while (process.threadCpuUsage().user - user < 80_000);
  }
  t.ok((await longestTurnMs(spin)) >= 80)
  t.end()
})

t.test('huge diffs and outputs of 60 MB never hold up the event loop', async (t) => {
  const repo = makeRepository(dir, 'large')
  const path = join(dir, 'large-tree')
  git(repo, 'worktree', 'add', '-q', path)
  writeLarge(join(path, 'large.txt'), 20 * mebibyte)
  const many = join(path, 'many')
  mkdirSync(many)
  for (let n = 0; n < 5_000; n += 1) writeFileSync(join(many, `file-${n}-${'x'.repeat(60)}`), '')
  git(path, 'add', 'many')
  git(path, '-c', 'user.name=a', '-c', 'user.email=a@b', 'commit', '-qm', 'many')
  const heavy = new HeavyWork()
  t.teardown(() => heavy.pool.shutdown())
  const worktrees = createWorktrees({ diff: heavy.diff })
  const logs = scratch(t)
  writeLarge(join(logs, 't1-1.log.0'), 60 * mebibyte)
  const outputs = createOutputLogs(logs)
  class LargeSquad extends FakeSquad {
    override agentDiff(id: string): Promise<Uint8Array> {
      return worktrees.diff(id === 'a1' ? path : repo, 'main')
    }
    override taskOutput() {
      return outputs.read('t1-1') as AsyncGenerator<Uint8Array>
    }
  }
  const { server } = makeServer(new LargeSquad())
  const socket = join(logs, 'squadd.sock')
  await server.listenUnix(socket)
  t.teardown(() => server.close())
  t.equal(heavy.pool.workers().length, 0, 'before there is work there is no thread')
  // Once before: what is loaded for the first time is not what this is about.
  await bytesFrom(socket, '/v1/agents/a2/diff')

  // The least that it could be: the same bytes, ready, from a bare server in this process.
  const ready = Buffer.alloc(16 * mebibyte, 'a line of a diff\n')
  const bare = createServer((_, response) => response.end(ready))
  const bareSocket = join(logs, 'bare.sock')
  await once(bare.listen(bareSocket), 'listening')
  t.teardown(() => bare.close())
  await bytesFrom(bareSocket, '/')
  const least = await longestTurnMs(() => bytesFrom(bareSocket, '/'))

  const ofDiff = await longestTurnMs(async () => {
    const bytes = await bytesFrom(socket, '/v1/agents/a1/diff')
    t.ok(bytes > 15 * mebibyte && bytes <= 16 * mebibyte + 100, `${bytes} bytes of diff`)
  })
  const ofOutput = await longestTurnMs(async () => {
    const bytes = await bytesFrom(socket, '/v1/tasks/t1/output')
    t.ok(bytes >= 60 * mebibyte, `${bytes} bytes of output`)
  })
  const bound = Math.max(50, 3 * least)
  t.ok(ofDiff < bound, `a diff: ${ofDiff} ms; bytes that are there: ${least} ms`)
  t.ok(ofOutput < bound, `an output: ${ofOutput} ms`)
  t.match(heavy.pool.metrics(), { completed: 2, failed: 0, queued: 0, running: 0 })
  t.same(leftovers(join(dir, 'large')), [])
})

t.test('secrets are taken out of 40 MB of tasks without a long turn', async (t) => {
  const heavy = new HeavyWork()
  t.teardown(() => heavy.pool.shutdown())
  const output = 'token=abcdefgh 0123456789 and what else a program may say\n'.repeat(350)
  const tasks = Array.from({ length: 2_000 }, (_, n) => ({ id: `t${n}`, result: { output } }))
  class TalkativeSquad extends FakeSquad {
    override tasks = () => tasks as unknown as Task[]
    override task = () => tasks[7] as unknown as Task
  }
  const { server } = makeServer(new TalkativeSquad(), { redactLarge: heavy.redacted })
  const socketPath = join(scratch(t), 'squadd.sock')
  await server.listenUnix(socketPath)
  t.teardown(() => server.close())
  const one = await ask({ socketPath }, 'GET', '/v1/tasks/t7')
  let bytes = 0
  const longest = await longestTurnMs(async () => {
    bytes = await bytesFrom(socketPath, '/v1/tasks')
  })
  t.ok(bytes > 35 * mebibyte, `${bytes} bytes`)
  t.ok(longest < 50, `${longest} ms`)
  const all = await ask({ socketPath }, 'GET', '/v1/tasks')
  const shown = JSON.parse(all.text) as typeof tasks
  t.same([shown.length, shown.at(-1)?.id], [2_000, 't1999'])
  t.match(shown[7]?.result.output, /^token=\[redacted\] 0123456789 and what/)
  t.notOk(all.text.includes('abcdefgh'))
  t.same(JSON.parse(one.text), shown[7])
})

t.test('a diff says what is wrong with the same codes from a thread', async (t) => {
  const heavy = new HeavyWork()
  t.teardown(() => heavy.pool.shutdown())
  const worktrees = createWorktrees({ diff: heavy.diff })
  const repo = makeRepository(dir, 'small')
  await t.rejects(worktrees.diff(repo, '--output=x'), {
    code: 'SQUADD_INVALID',
    data: { field: 'base', value: '--output=x' },
  })
  await t.rejects(worktrees.diff(join(dir, 'nowhere'), 'HEAD'), {
    code: 'SQUADD_GIT',
    data: { cause: 'worktree_missing' },
  })
  t.same(Buffer.from(await worktrees.diff(repo, 'HEAD')).toString(), '')
})

t.test('the daemon makes diffs on threads that come with them, and shows it', async (t) => {
  const squad = new Squadd()
  t.teardown(() => squad.remove())
  const pool = async () => {
    const { stdout } = await squad.run('metrics')
    return stdout.split('\n').filter((line) => /^squadd_pool_(jobs|workers)/.test(line))
  }
  await squad.run('start')
  await squad.run('agent', 'add', 'ada', '--repo', squad.repo)
  t.ok(
    (await pool()).every((line) => line.endsWith(' 0')),
    'an idle daemon has no worker thread',
  )
  const { id } = await squad.json<{ id: string }>('task', 'add', 'seq 3 > numbers.txt')
  await squad.run('task', 'wait', id)
  t.match((await squad.run('task', 'diff', id)).stdout, /\+1\n\+2\n\+3/)
  const after = await pool()
  t.ok(after.includes('squadd_pool_jobs_total{outcome="completed"} 1'))
  t.ok(after.includes('squadd_pool_workers_lost_total 0'))
  t.equal((await squad.run('stop')).exitCode, 0)
})

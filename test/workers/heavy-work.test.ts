import { mkdirSync, writeFileSync } from 'node:fs'
import { request } from 'node:http'
import { join } from 'node:path'
import t from 'tap'
import { createOutputLogs } from '../../src/workers/output-logs.ts'
import { HeavyWork } from '../../src/workers/heavy-work.ts'
import { createWorktrees } from '../../src/workers/worktree.ts'
import { FakeSquad } from '../support/fake-squad.ts'
import { git, gitScratch, leftovers, makeRepository } from '../support/git-repository.ts'
import { makeServer, scratch } from '../support/api.ts'

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

  const ofDiff = await longestTurnMs(async () => {
    const bytes = await bytesFrom(socket, '/v1/agents/a1/diff')
    t.ok(bytes > 15 * mebibyte && bytes <= 16 * mebibyte + 100, `${bytes} bytes of diff`)
  })
  const ofOutput = await longestTurnMs(async () => {
    const bytes = await bytesFrom(socket, '/v1/tasks/t1/output')
    t.ok(bytes >= 60 * mebibyte, `${bytes} bytes of output`)
  })
  t.ok(ofDiff < 50, `a diff: ${ofDiff} ms`)
  t.ok(ofOutput < 50, `an output: ${ofOutput} ms`)
  t.match(heavy.pool.metrics(), { completed: 2, failed: 0, queued: 0, running: 0 })
  t.same(leftovers(join(dir, 'large')), [])
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

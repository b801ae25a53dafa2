import { createHash } from 'node:crypto'
import {
  existsSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import type { Test } from 'tap'
import t from 'tap'
import { execaSync } from 'execa'
import type { AgentView } from '../../src/supervisor/domain/agent.ts'
import { gate } from '../support/field.ts'
import { fieldFor } from '../support/guarded.ts'

/** Ways in which programs of this kind have lost work, each as its users tell it. */

type Scene = Awaited<ReturnType<typeof squadFor>>

/** Tells one case in a squad with one agent; at its end no invariant is violated. */
const loss = (name: string, tell: (t: Test, scene: Scene) => Promise<void>) =>
  t.test(name, async (t) => {
    const scene = await squadFor(t)
    await tell(t, scene)
    t.same(await scene.invariants.now(), [], 'no invariant is violated')
  })

async function squadFor(t: Test) {
  const { field, invariants } = fieldFor(t)
  await field.open(['ada'])
  const { worktree } = (await field.agentViews())[0]!
  const git = (...args: string[]) =>
    execaSync('git', ['-C', worktree, '-c', 'user.name=a', '-c', 'user.email=a@localhost', ...args])
      .stdout
  const call = field.client.call.bind(field.client) as (
    name: string,
    input: object,
  ) => Promise<unknown>
  const remove = async () =>
    ((await call('agents.remove', { id: 'ada' })) as { rescueRef: string | null }).rescueRef
  return { field, invariants, worktree, git, call, remove, squad: field.squad }
}

/** Changed, staged, new, deleted: every file of a worktree, by its content. */
function dirty(worktree: string, git: (...args: string[]) => string): Map<string, string> {
  writeFileSync(join(worktree, 'README.md'), 'changed\n')
  writeFileSync(join(worktree, 'staged.txt'), 'staged\n')
  git('add', 'staged.txt')
  writeFileSync(join(worktree, 'new.txt'), 'untracked\n')
  return contents(worktree)
}

const contents = (worktree: string): Map<string, string> =>
  new Map(
    readdirSync(worktree)
      .filter((name) => name !== '.git')
      .map((name) => [
        name,
        createHash('sha256')
          .update(readFileSync(join(worktree, name)))
          .digest('hex'),
      ]),
  )

loss(
  'a worktree is never rebuilt over uncommitted work, whatever is started again',
  async (t, { field, worktree, git, call, squad }) => {
    const before = dirty(worktree, git)
    const status = git('status', '--porcelain')
    const same = (after: string) => {
      t.strictSame(contents(worktree), before, `files after ${after}`)
      t.equal(git('status', '--porcelain'), status, `index after ${after}`)
    }
    for (const verb of ['agents.restart', 'agents.stop', 'agents.resume']) {
      await call(verb, { id: 'ada' })
      same(verb)
    }
    const { hostPid } = (await call('agents.show', { id: 'ada' })) as AgentView
    process.kill(hostPid!, 'SIGKILL')
    await field.wait((await field.add({ prompt: 'true' })).id)
    same('the death of its host')
    process.kill(await squad.pid(), 'SIGKILL')
    field.client.close()
    await field.start()
    await field.wait((await field.add({ prompt: 'true' })).id)
    same('kill -9 of the supervisor')
    await squad.json('stop', '--stop-agents')
    await field.start()
    await field.wait((await field.add({ prompt: 'true' })).id)
    same('a stop of everything')
  },
)

loss(
  'work that a successful task left uncommitted outlives its agent',
  async (t, { field, remove, squad }) => {
    const task = await field.add({ prompt: 'echo result > answer.txt; echo more >> README.md' })
    t.equal((await field.wait(task.id)).state, 'completed')
    const ref = await remove()
    t.equal(squad.git('show', `${ref}:answer.txt`), 'result')
    t.match(squad.git('show', `${ref}:README.md`), /more$/)
  },
)

loss(
  'a worktree is removed only after the program in it has ended, and keeps what it wrote',
  async (t, { field, call, remove, squad, worktree }) => {
    const one = gate(field, 'busy')
    const prompt = `echo half > half.txt; trap 'echo last > last.txt; exit 1' TERM; ${one.prompt}`
    const task = await field.add({ prompt })
    const pid = await field.pidOf('busy')
    const ref = await remove()
    t.throws(() => process.kill(pid, 0), { code: 'ESRCH' }, 'its program has ended first')
    t.equal(squad.git('show', `${ref}:half.txt`), 'half')
    t.equal(squad.git('show', `${ref}:last.txt`), 'last', 'what it wrote on its way out too')
    t.notOk(existsSync(worktree))
    t.match(await call('tasks.show', { id: task.id }), { state: 'ready' }, 'the task goes back')
  },
)

loss(
  'what the registry has forgotten is nobody’s to delete',
  async (t, { field, worktree, git, squad }) => {
    const before = dirty(worktree, git)
    git('commit', '-q', '-m', 'unpushed')
    const commit = git('rev-parse', 'HEAD')
    await squad.json('stop', '--stop-agents')
    field.client.close()
    // The store is lost; the worktree on the disk is all that is left.
    for (const name of readdirSync(squad.home).filter((one) => one.startsWith('squadd.db')))
      renameSync(join(squad.home, name), join(squad.dir, `lost-${name}`))
    await field.start()
    t.strictSame(contents(worktree), before, 'a start leaves it alone')
    const again = { id: 'ada', repo: squad.repo }
    await t.rejects(
      field.client.call('agents.add', again),
      { code: 'SQUADD_INVALID' },
      'and so does a new agent of that name',
    )
    await field.client.call('agents.add', { ...again, id: 'bob' })
    await field.client.call('agents.remove', { id: 'bob' })
    t.strictSame(contents(worktree), before)
    t.equal(git('rev-parse', 'HEAD'), commit)
  },
)

loss(
  'age is no reason: an old dirty worktree on a commit that nothing names is kept whole',
  async (t, { field, worktree, git, squad }) => {
    git('checkout', '-q', '--detach')
    writeFileSync(join(worktree, 'committed.txt'), 'on no branch\n')
    git('add', 'committed.txt')
    git('commit', '-q', '-m', 'nobody names this')
    const commit = git('rev-parse', 'HEAD')
    const before = dirty(worktree, git)
    const longAgo = new Date('2020-01-01')
    for (const name of [...before.keys(), '.']) utimesSync(join(worktree, name), longAgo, longAgo)
    await squad.json('stop', '--stop-agents')
    field.client.close()
    await field.start()
    t.strictSame(contents(worktree), before, 'a start sweeps nothing')
    const ref = (await field.client.call('agents.remove', { id: 'ada' })).rescueRef
    t.equal(squad.git('merge-base', '--is-ancestor', commit, ref!), '')
    for (const [name, text] of [
      ['README.md', 'changed'],
      ['staged.txt', 'staged'],
      ['new.txt', 'untracked'],
      ['committed.txt', 'on no branch'],
    ] as const)
      t.equal(squad.git('show', `${ref}:${name}`), text)
  },
)

loss(
  'untracked files count where git is told not to show them, and so do commits before a resume',
  async (t, { worktree, git, call, remove, squad }) => {
    git('config', 'status.showUntrackedFiles', 'no')
    writeFileSync(join(worktree, 'first.txt'), 'first\n')
    git('add', 'first.txt')
    git('commit', '-q', '-m', 'before the resume')
    const first = git('rev-parse', 'HEAD')
    writeFileSync(join(worktree, 'pending.txt'), 'pending\n')
    await call('agents.pause', { id: 'ada', release: true })
    t.notOk(existsSync(worktree), 'released')
    await call('agents.resume', { id: 'ada' })
    t.equal(readFileSync(join(worktree, 'pending.txt'), 'utf8'), 'pending\n', 'and back')
    writeFileSync(join(worktree, 'untracked.txt'), 'untracked\n')
    const ref = await remove()
    t.equal(squad.git('merge-base', '--is-ancestor', first, ref!), '')
    t.equal(squad.git('show', `${ref}:pending.txt`), 'pending')
    t.equal(squad.git('show', `${ref}:untracked.txt`), 'untracked')
  },
)

loss(
  'where a person works in the place of a worktree, removing and making anew touches nothing',
  async (t, { field, worktree, call, remove, squad }) => {
    const own = join(squad.dir, 'foreign', 'tree')
    rmSync(worktree, { recursive: true })
    symlinkSync(own, worktree)
    const task = await field.add({ prompt: 'echo intruder > intruder.txt' })
    const { state, cause } = await field.wait(task.id)
    t.notOk(existsSync(join(own, 'intruder.txt')) && state === 'completed', `${state} ${cause}`)
    await call('agents.restart', { id: 'ada' }).catch(() => {})
    await remove().catch(() => {})
    t.equal(readFileSync(join(own, 'unsaved'), 'utf8'), 'foreign work\n')
    t.ok(existsSync(worktree), 'the link is not ours to delete')
    t.equal(squad.git('-C', own, 'status', '--porcelain'), '?? unsaved')
  },
)

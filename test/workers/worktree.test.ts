import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { oneAtATime } from '../../src/workers/git-mutex.ts'
import { createWorktrees } from '../../src/workers/worktree.ts'
import {
  agentOf,
  git,
  gitRaw,
  gitScratch,
  leftovers,
  makeRepository,
} from '../support/git-repository.ts'
import { plantCommands } from '../support/hostile-repository.ts'

const dir = gitScratch()
const worktrees = createWorktrees()
const diffText = async (path: string, base: string) =>
  Buffer.from(await worktrees.diff(path, base)).toString()
let made = 0

/** A repository with one agent `a1` in a worktree. */
async function agentAt(more: Parameters<typeof agentOf>[2] = {}) {
  const n = ++made
  const repo = makeRepository(dir, `repo${n}`)
  const spec = agentOf(repo, 'a1', more)
  const path = join(dir, `trees${n}`, 'a1')
  const state = await worktrees.ensure(spec, path, false)
  const write = (name: string, text: string) => writeFileSync(join(path, name), text)
  return { repo, spec, path, state, write }
}

const refsOf = (repo: string) => git(repo, 'for-each-ref', '--format=%(refname)').split('\n')
const recordsOf = (repo: string) =>
  existsSync(join(repo, '.git/worktrees')) ? readdirSync(join(repo, '.git/worktrees')) : []

t.test('check names the field and what is wrong with it, and makes nothing', async (t) => {
  const repo = makeRepository(dir, 'checked')
  mkdirSync(join(repo, 'sub'))
  const empty = join(dir, 'empty')
  git(dir, 'init', '-q', empty)
  const bare = join(dir, 'bare.git')
  git(dir, 'clone', '-q', '--bare', repo, bare)
  const emptyBare = join(dir, 'empty.git')
  git(dir, 'init', '-q', '--bare', emptyBare)
  git(repo, 'branch', 'taken')
  git(repo, 'branch', 'deep/er')
  const cases: [repo: string, more: object, field: string, message: RegExp][] = [
    [join(dir, 'nowhere'), {}, 'repo', /is not there/],
    [join(repo, 'a.txt'), {}, 'repo', /is not a directory/],
    [join(repo, 'sub'), {}, 'repo', /is not a git repository; use .*checked/],
    [join(dir, 'tmp'), {}, 'repo', /is not a git repository; run git init/],
    ['repo', {}, 'repo', /is not an absolute path/],
    [empty, {}, 'repo', /has no commit yet/],
    [emptyBare, {}, 'repo', /has no commit yet/],
    [repo, { branch: 'taken' }, 'branch', /exists; choose another --branch/],
    [repo, { branch: 'deep' }, 'branch', /cannot stand beside refs\/heads\/deep\/er/],
    [repo, { branch: 'taken/it' }, 'branch', /cannot stand beside refs\/heads\/taken/],
    [repo, { base: 'nope' }, 'base', /is no commit/],
    [repo, { base: '' }, 'base', /is no commit/],
    [repo, { base: 'HEAD:a.txt' }, 'base', /is no commit/],
  ]
  for (const [at, more, field, message] of cases)
    await t.rejects(
      worktrees.check(agentOf(at, 'a1', more)),
      { code: 'SQUADD_INVALID', data: { field }, message },
      `${field}: ${message}`,
    )
  await worktrees.check(agentOf(repo, 'a1'))
  await worktrees.check(agentOf(bare, 'a1', { branch: 'größe/ünï+1', base: 'main~0' }))
  t.same(refsOf(repo), ['refs/heads/deep/er', 'refs/heads/main', 'refs/heads/taken'])
})

t.test('a missing git is a matter of configuration', async (t) => {
  const { repo } = await agentAt()
  const path = process.env['PATH']
  process.env['PATH'] = join(dir, 'tmp')
  t.teardown(() => (process.env['PATH'] = path))
  await t.rejects(worktrees.check(agentOf(repo, 'a2')), { code: 'SQUADD_BAD_CONFIG' })
})

t.test('ensure makes a worktree on its own branch, and finds it again', async (t) => {
  const { repo, spec, path, state } = await agentAt()
  t.same(state, { path, branch: 'squadd/a1', ownsBranch: true })
  t.equal(git(path, 'branch', '--show-current'), 'squadd/a1')
  t.same(recordsOf(repo), ['a1'], 'git knows it by the name of the agent')
  writeFileSync(join(path, 'mine.txt'), 'x')
  t.same(await worktrees.ensure(spec, path, false), state)
  t.ok(existsSync(join(path, 'mine.txt')), 'and leaves it as it is')
})

t.test('a failed ensure leaves no branch, no record and no folder', async (t) => {
  const repo = makeRepository(dir, 'failing')
  const before = refsOf(repo)
  const path = join(repo, 'a.txt', 'a1')
  await t.rejects(worktrees.ensure(agentOf(repo, 'a1'), path, false), { code: 'SQUADD_GIT' })
  // A file of the base that cannot be checked out: git fails after it made branch and record.
  git(repo, 'update-index', '--add', '--cacheinfo', `100644,${'1'.repeat(40)},broken`)
  const tree = git(repo, 'write-tree', '--missing-ok')
  const base = git(repo, 'commit-tree', '-m', 'broken', tree)
  const other = join(dir, 'failing-trees', 'a1')
  await t.rejects(worktrees.ensure(agentOf(repo, 'a1', { base }), other, false), {
    code: 'SQUADD_GIT',
    message: /worktree/,
  })
  t.same(refsOf(repo), before)
  t.same(recordsOf(repo), [])
  t.notOk(existsSync(other))
})

t.test('a worktree whose making was cut off is made again', async (t) => {
  const { repo, spec, path, state } = await agentAt()
  // What `kill -9` of `git worktree add` leaves: the record says so, files are missing.
  writeFileSync(join(repo, '.git/worktrees/a1/locked'), 'initializing')
  rmSync(join(path, 'a.txt'))
  t.same(await worktrees.ensure(spec, path, false), state)
  t.equal(git(path, 'status', '--porcelain'), '')
  t.notMatch(refsOf(repo).join(), /rescue/, 'it held no work')
})

t.test('a deleted folder is made again on its branch, other records stay', async (t) => {
  const { repo, spec, path, write } = await agentAt()
  write('c.txt', 'c')
  git(path, 'add', '.')
  git(path, 'commit', '-qm', 'work')
  write('staged.txt', 'staged')
  git(path, 'add', '.')
  const other = join(dir, 'other-tree')
  git(repo, 'worktree', 'add', '-q', other)
  rmSync(other, { recursive: true })
  rmSync(path, { recursive: true })
  await worktrees.ensure(spec, path, true)
  t.equal(readFileSync(join(path, 'c.txt'), 'utf8'), 'c')
  t.same(recordsOf(repo).sort(), ['a1', 'other-tree'])
  const [ref] = refsOf(repo).filter((one) => one.includes('rescue'))
  t.equal(git(repo, 'show', `${ref}:staged.txt`), 'staged', 'what was staged is kept')
})

t.test('ensure touches nothing that is not its own', async (t) => {
  const repo = makeRepository(dir, 'foreign')
  const spec = agentOf(repo, 'a1')
  const path = join(dir, 'foreign-trees', 'a1')
  mkdirSync(path, { recursive: true })
  writeFileSync(join(path, 'precious'), 'x')
  await t.rejects(worktrees.ensure(spec, path, true), { code: 'SQUADD_GIT', message: /holds some/ })
  t.same(readdirSync(path), ['precious'])

  git(repo, 'branch', 'squadd/a2')
  const other = join(dir, 'foreign-trees', 'a2')
  await t.rejects(worktrees.ensure(agentOf(repo, 'a2'), other, false), {
    code: 'SQUADD_GIT',
    message: /branch squadd\/a2 exists/,
  })
  t.notOk(existsSync(other))
  t.same(recordsOf(repo), [])
})

t.test('remove of clean and merged work leaves nothing behind', async (t) => {
  const { repo, spec, path, state } = await agentAt()
  writeFileSync(join(path, 'build.log'), 'ignored')
  t.equal(await worktrees.remove(spec, state, { keepBranch: false }), null)
  t.notOk(existsSync(path))
  t.same(refsOf(repo), ['refs/heads/main'])
  t.same(recordsOf(repo), [])
  t.equal(await worktrees.remove(spec, state, { keepBranch: false }), null, 'again: nothing to do')
})

t.test('remove keeps every byte of unsaved work, whatever its name and kind', async (t) => {
  const { repo, spec, path, state, write } = await agentAt()
  const names = [
    'plain',
    '-x',
    '--',
    'new\nline',
    'quo"te\'s',
    ' ü 漢 ',
    'back\\slash',
    '#(id)',
    '*',
  ]
  for (const name of names) write(name, `content of ${name}\r\nwithout newline`)
  mkdirSync(join(path, 'deep/er'), { recursive: true })
  write('deep/er/file', 'deep')
  write('.gitattributes', '* text=auto eol=lf\n*.u16 working-tree-encoding=UTF-16\n')
  write('bytes.u16', 'not UTF-16 at all\r\n')
  write('run.sh', '#!/bin/sh\n')
  chmodSync(join(path, 'run.sh'), 0o755)
  symlinkSync('/etc/passwd', join(path, 'link'))
  symlinkSync('nowhere', join(path, 'dangling'))
  write('a.txt', 'changed\r\n')
  rmSync(join(path, 'b.txt'))
  write('both.txt', 'staged')
  git(path, 'add', 'both.txt')
  write('both.txt', 'after staging')
  write('ignored.log', 'ignored')
  const files = readdirSync(path, { recursive: true, encoding: 'utf8' })
    .filter((name) => name !== '.git' && name !== 'ignored.log')
    .filter((name) => !lstatSync(join(path, name)).isDirectory())
    .sort()
  const contentOf = (name: string) =>
    lstatSync(join(path, name)).isSymbolicLink()
      ? readlinkSync(join(path, name))
      : readFileSync(join(path, name), 'utf8')
  const contents = new Map(files.map((name) => [name, contentOf(name)]))
  const indexBefore = readFileSync(join(repo, '.git/worktrees/a1/index'))

  const ref = await worktrees.remove(spec, state, { keepBranch: false })
  t.match(ref, /^refs\/squadd\/rescue\/a1\/\d{8}T\d{6}Z$/)
  t.ok(indexBefore.length > 0)
  const kept = git(repo, 'ls-tree', '-r', '-z', '--name-only', ref!).split('\0').filter(Boolean)
  t.same(kept.sort(), files)
  for (const name of files)
    t.equal(
      gitRaw(repo, 'cat-file', 'blob', `${ref}:${name}`),
      contents.get(name),
      JSON.stringify(name),
    )
  t.equal(gitRaw(repo, 'cat-file', 'blob', `${ref}^2:both.txt`), 'staged', 'what was staged too')
  t.match(git(repo, 'ls-tree', ref!, 'run.sh'), /^100755/)
  t.match(git(repo, 'ls-tree', ref!, 'link'), /^120000/)
  t.notOk(existsSync(path))
  t.same(
    refsOf(repo).filter((one) => one.startsWith('refs/heads/')),
    ['refs/heads/main'],
  )
})

t.test('commits that nothing else reaches are kept, wherever they are', async (t) => {
  const { repo, path, spec, state, write } = await agentAt()
  write('c.txt', 'on the branch')
  git(path, 'add', '.')
  git(path, 'commit', '-qm', 'on the branch')
  const tip = git(path, 'rev-parse', 'HEAD')
  git(path, 'checkout', '-q', '--detach', 'HEAD~1')
  write('d.txt', 'detached')
  git(path, 'add', '.')
  git(path, 'commit', '-qm', 'detached')
  const detached = git(path, 'rev-parse', 'HEAD')
  const ref = await worktrees.remove(spec, state, { keepBranch: false })
  for (const commit of [tip, detached])
    t.match(git(repo, 'for-each-ref', '--contains', commit), ref!, 'both are in the one ref')
  t.notMatch(refsOf(repo).join(), /squadd\/a1,/)
})

t.test('a branch with commits of its own: kept, pushed or rescued', async (t) => {
  const work = async () => {
    const agent = await agentAt()
    agent.write('c.txt', 'c')
    git(agent.path, 'add', '.')
    git(agent.path, 'commit', '-qm', 'work')
    return { ...agent, tip: git(agent.path, 'rev-parse', 'HEAD') }
  }
  const kept = await work()
  t.equal(await worktrees.remove(kept.spec, kept.state, { keepBranch: true }), null)
  t.equal(git(kept.repo, 'rev-parse', 'squadd/a1'), kept.tip)

  const pushed = await work()
  git(pushed.repo, 'update-ref', 'refs/remotes/origin/squadd/a1', pushed.tip)
  t.equal(await worktrees.remove(pushed.spec, pushed.state, { keepBranch: false }), null)
  t.same(refsOf(pushed.repo), ['refs/heads/main', 'refs/remotes/origin/squadd/a1'])

  const alone = await work()
  const ref = await worktrees.remove(alone.spec, alone.state, { keepBranch: false })
  t.equal(git(alone.repo, 'rev-parse', ref!), alone.tip, 'the ref is the commit itself')
  t.same(refsOf(alone.repo), ['refs/heads/main', ref])

  const notOurs = await work()
  const state = { ...notOurs.state, ownsBranch: false }
  t.equal(await worktrees.remove(notOurs.spec, state, { keepBranch: false }), null)
  t.equal(git(notOurs.repo, 'rev-parse', 'squadd/a1'), notOurs.tip)

  const elsewhere = await work()
  git(elsewhere.path, 'checkout', '-q', '--detach')
  git(elsewhere.repo, 'checkout', '-q', 'squadd/a1')
  t.equal(await worktrees.remove(elsewhere.spec, elsewhere.state, { keepBranch: false }), null)
  t.equal(git(elsewhere.repo, 'status', '--porcelain', '-b'), '## squadd/a1', 'a person is on it')
})

t.test('a merge and a rebase under way keep their contents', async (t) => {
  const { repo, path, spec, state, write } = await agentAt()
  write('a.txt', 'ours\n')
  git(path, 'commit', '-qam', 'ours')
  git(path, 'checkout', '-q', '--detach', 'HEAD~1')
  write('a.txt', 'theirs\n')
  git(path, 'commit', '-qam', 'theirs')
  const theirs = git(path, 'rev-parse', 'HEAD')
  git(path, 'checkout', '-q', 'squadd/a1')
  t.throws(() => git(path, 'merge', theirs), 'a conflict')
  write('resolved-by-hand.txt', 'x')
  const conflict = readFileSync(join(path, 'a.txt'), 'utf8')
  t.match(conflict, /<<<<<<</)
  const ref = await worktrees.remove(spec, state, { keepBranch: false })
  t.equal(gitRaw(repo, 'cat-file', 'blob', `${ref}:a.txt`), conflict)
  t.match(git(repo, 'for-each-ref', '--contains', theirs), ref!, 'what was merged in is kept')

  const second = await agentAt()
  second.write('a.txt', 'mine\n')
  git(second.path, 'commit', '-qam', 'mine')
  writeFileSync(join(second.repo, 'a.txt'), 'main moved\n')
  git(second.repo, 'commit', '-qam', 'main moved')
  second.write('b.txt', 'put aside by autostash\n')
  t.throws(() => git(second.path, 'rebase', '--autostash', 'main'), 'a conflict')
  const stash = readFileSync(join(second.repo, '.git/worktrees/a1/rebase-merge/autostash'), 'utf8')
  const kept = await worktrees.remove(second.spec, second.state, { keepBranch: true })
  t.match(git(second.repo, 'for-each-ref', '--contains', stash.trim()), kept!)
  t.equal(git(second.repo, 'show', `${stash.trim()}:b.txt`), 'put aside by autostash')
})

t.test('changes that git was told to overlook are kept', async (t) => {
  const { repo, path, spec, state, write } = await agentAt()
  git(path, 'update-index', '--assume-unchanged', 'a.txt')
  git(path, 'update-index', '--skip-worktree', 'b.txt')
  write('a.txt', 'assumed unchanged')
  write('b.txt', 'skipped')
  t.equal(git(path, 'status', '--porcelain'), '', 'git shows nothing')
  const ref = await worktrees.remove(spec, state, { keepBranch: false })
  t.equal(git(repo, 'show', `${ref}:a.txt`), 'assumed unchanged')
  t.equal(git(repo, 'show', `${ref}:b.txt`), 'skipped')
})

t.test('a change that leaves size and time of a file as they were is kept', async (t) => {
  const { repo, path, spec, state, write } = await agentAt()
  git(repo, 'config', 'core.trustctime', 'false')
  const file = join(path, 'a.txt')
  const then = Math.floor(Date.now() / 1000) - 60
  utimesSync(file, then, then)
  git(path, 'update-index', '--refresh')
  // As if the index had been written in that second: only then does git read such a file again.
  utimesSync(join(repo, '.git/worktrees/a1/index'), then, then)
  write('a.txt', 'six\nsix\n')
  utimesSync(file, then, then)
  const ref = await worktrees.remove(spec, state, { keepBranch: false })
  t.equal(git(repo, 'show', `${ref}:a.txt`), 'six\nsix')
})

t.test('a sparse worktree does not look like one with deleted files', async (t) => {
  const { path, spec, state } = await agentAt()
  git(path, 'sparse-checkout', 'set', '--no-cone', '/a.txt')
  t.notOk(existsSync(join(path, 'b.txt')))
  t.equal(await worktrees.remove(spec, state, { keepBranch: false }), null)
})

t.test('a repository inside the worktree is not removed, with or without commits', async (t) => {
  const { path, repo, spec, state } = await agentAt()
  for (const commits of [true, false]) {
    const inner = join(path, 'inner')
    git(path, 'init', '-q', 'inner')
    writeFileSync(join(inner, 'file'), 'x')
    if (commits) {
      git(inner, 'add', '.')
      git(inner, '-c', 'user.name=x', '-c', 'user.email=x@x', 'commit', '-qm', 'x')
    }
    const acts: (() => Promise<unknown>)[] = [
      () => worktrees.remove(spec, state, { keepBranch: false }),
      () => worktrees.release(spec, state),
    ]
    for (const act of acts) await t.rejects(act(), { code: 'SQUADD_GIT', message: /inner/ })
    t.equal(readFileSync(join(inner, 'file'), 'utf8'), 'x')
    t.equal(git(path, 'branch', '--show-current'), 'squadd/a1')
    rmSync(inner, { recursive: true })
  }
  t.equal(await worktrees.remove(spec, state, { keepBranch: false }), null)
  t.same(refsOf(repo), ['refs/heads/main'])
})

t.test('where something else took the place of the worktree, only the record goes', async (t) => {
  const swap: Record<string, (path: string, away: string) => void> = {
    'a link to another folder': (path, away) => {
      renameSync(path, away)
      symlinkSync(away, path)
    },
    'a .git that leads elsewhere': (path) => {
      const other = makeRepository(dir, `elsewhere${made}`)
      writeFileSync(join(path, '.git'), `gitdir: ${join(other, '.git')}\n`)
    },
    'a folder without .git': (path) => rmSync(join(path, '.git')),
  }
  for (const [what, act] of Object.entries(swap)) {
    const { path, repo, spec, state, write } = await agentAt()
    write('precious.txt', 'x')
    act(path, `${path}-away`)
    t.equal(await worktrees.remove(spec, state, { keepBranch: false }), null, what)
    t.equal(readFileSync(join(path, 'precious.txt'), 'utf8'), 'x', `${what}: left alone`)
    t.same(recordsOf(repo), [], `${what}: the record is gone`)
    await t.rejects(worktrees.ensure(spec, path, true), { code: 'SQUADD_GIT' }, what)
  }
})

t.test('a worktree that a person locked is respected', async (t) => {
  const { path, repo, spec, state } = await agentAt()
  git(repo, 'worktree', 'lock', '--reason', 'on a stick', path)
  await t.rejects(worktrees.remove(spec, state, { keepBranch: false }), {
    code: 'SQUADD_GIT',
    message: /locked: on a stick; run git worktree unlock/,
  })
  rmSync(path, { recursive: true })
  await t.rejects(worktrees.ensure(spec, path, true), { code: 'SQUADD_GIT', message: /locked/ })
})

t.test('release commits everything on the branch, and ensure brings it back', async (t) => {
  const { path, repo, spec, state, write } = await agentAt()
  write('new.txt', 'new')
  write('a.txt', 'changed')
  git(path, 'add', 'a.txt')
  rmSync(join(path, 'b.txt'))
  const { commit } = await worktrees.release(spec, state)
  t.equal(git(repo, 'rev-parse', 'squadd/a1'), commit)
  t.equal(
    git(repo, 'log', '-1', '--format=%s, %an', 'squadd/a1'),
    'squadd: work in progress of a1, Ada',
  )
  t.notOk(existsSync(path))
  t.notMatch(refsOf(repo).join(), /rescue/, 'nothing was left to rescue')
  await worktrees.ensure(spec, path, true)
  t.same(readdirSync(path).sort(), ['.git', '.gitignore', 'a.txt', 'new.txt'])
  t.same(await worktrees.release(spec, state), { commit: null }, 'nothing new: no commit')

  await worktrees.ensure(spec, path, true)
  git(path, 'checkout', '-q', '--detach', 'main')
  write('elsewhere.txt', 'x')
  const head = git(path, 'rev-parse', 'HEAD')
  await worktrees.release(spec, state)
  await worktrees.ensure(spec, path, true)
  t.ok(existsSync(join(path, 'elsewhere.txt')), 'as it was, although HEAD had left the branch')
  t.notOk(existsSync(join(path, 'new.txt')))
  t.equal(git(path, 'merge-base', 'HEAD', commit!), commit, 'and the history of the branch stays')
  t.equal(git(path, 'merge-base', 'HEAD', head), head)
})

t.test('what filters and line endings made of a file at checkout is no change', async (t) => {
  const global = join(dir, 'gitconfig')
  const before = readFileSync(global, 'utf8')
  t.teardown(() => writeFileSync(global, before))
  const repo = makeRepository(dir, 'filtered')
  writeFileSync(join(repo, '.gitattributes'), '*.txt filter=big\n*.crlf text eol=crlf\n')
  writeFileSync(join(repo, 'dos.crlf'), 'x\n')
  git(repo, 'add', '.')
  git(repo, 'commit', '-qm', 'attributes')
  // As git-lfs is set up: in the configuration of the user.
  writeFileSync(
    global,
    `${before}[filter "big"]\n\tsmudge = tr a-z A-Z\n\tclean = tr A-Z a-z\n\trequired = true\n`,
  )
  const spec = agentOf(repo, 'a1')
  const path = join(dir, 'filtered-trees', 'a1')
  const state = await worktrees.ensure(spec, path, false)
  t.equal(readFileSync(join(path, 'a.txt'), 'utf8'), 'ONE\nTWO\n', 'filters of the user do run')
  t.equal(readFileSync(join(path, 'dos.crlf'), 'utf8'), 'x\r\n')
  t.equal(await diffText(path, 'HEAD'), '')
  t.same(await worktrees.release(spec, state), { commit: null })
  await worktrees.ensure(spec, path, true)
  t.equal(await worktrees.remove(spec, state, { keepBranch: true }), null)

  await worktrees.ensure(spec, path, true)
  // The same size in the same second: only the nanoseconds tell.
  writeFileSync(join(path, 'a.txt'), 'SIX\nSIX\n')
  writeFileSync(join(path, 'dos.crlf'), 'y\r\n')
  const { commit } = await worktrees.release(spec, state)
  t.equal(gitRaw(repo, 'cat-file', 'blob', `${commit}:a.txt`), 'SIX\nSIX\n', 'kept whole')
  t.equal(gitRaw(repo, 'cat-file', 'blob', `${commit}:dos.crlf`), 'y\n')
  t.equal(gitRaw(repo, 'cat-file', 'blob', `${commit}:b.txt`), 'b\n', 'the others as they were')
})

t.test('release commits in our name only where the user gave none', async (t) => {
  const { repo, spec, state, write } = await agentAt()
  git(repo, 'config', '--unset', 'user.name')
  git(repo, 'config', '--unset', 'user.email')
  write('new.txt', 'new')
  await worktrees.release(spec, state)
  t.equal(git(repo, 'log', '-1', '--format=%an <%ae>', 'squadd/a1'), 'squadd <squadd@localhost>')
})

t.test(
  'diff shows all that is not in the base, untracked files too, and writes nothing',
  async (t) => {
    const { path, repo, spec, write } = await agentAt()
    write('committed.txt', 'committed\n')
    git(path, 'add', '.')
    git(path, 'commit', '-qm', 'work')
    const first = git(path, 'rev-parse', 'HEAD')
    writeFileSync(join(repo, 'main.txt'), 'main moved on\n')
    git(repo, 'add', '.')
    git(repo, 'commit', '-qm', 'main moved on')
    write('a.txt', 'one\nthree\n')
    write('un"tracked.txt', 'untracked\n')
    rmSync(join(path, 'b.txt'))
    git(path, 'init', '-q', 'inner')
    writeFileSync(join(path, 'inner/file'), 'x')
    const objects = git(repo, 'count-objects')
    const index = readFileSync(join(repo, '.git/worktrees/a1/index'))
    const diff = await diffText(path, spec.base)
    t.match(diff, /\+\+\+ b\/committed\.txt/)
    t.match(diff, /-two\n\+three/)
    t.match(diff, /\+\+\+ "b\/un\\"tracked\.txt"\n@@ -0,0 \+1 @@\n\+untracked/)
    t.match(diff, /deleted file mode 100644\n.*\n--- a\/b\.txt/)
    t.notMatch(diff, /main\.txt/, 'a name means where the branch began')
    t.match(diff, /# not all files could be read: .*inner/)
    t.notMatch(await diffText(path, first), /committed\.txt/, 'an object name is that commit')
    t.equal(git(repo, 'count-objects'), objects)
    t.same(readFileSync(join(repo, '.git/worktrees/a1/index')), index)
    await t.rejects(worktrees.diff(path, '--output=x'), { code: 'SQUADD_INVALID' })
    await t.rejects(worktrees.diff(join(dir, 'nowhere'), 'HEAD'), {
      code: 'SQUADD_GIT',
      data: { cause: 'worktree_missing' },
    })
  },
)

t.test('nothing that a repository configures is ever run', async (t) => {
  const { repo, path, spec, state, write } = await agentAt()
  const planted = plantCommands(repo, dir)
  write('.gitattributes', '* filter=evil diff=evil merge=evil\n')
  git(repo, 'checkout', '-q', '-b', 'control')
  t.ok(planted.fired().length > 3, `plain git runs what is planted: ${planted.fired().join()}`)
  planted.clear()

  write('a.txt', 'six\nsix\n')
  write('new.txt', 'new')
  await worktrees.check(agentOf(repo, 'a2'))
  const other = join(dir, 'hostile-trees', 'a2')
  // The attributes are committed, so that a checkout would run the filters.
  const attributes = git(repo, 'hash-object', '-w', '--no-filters', join(path, '.gitattributes'))
  git(repo, 'update-index', '--add', '--cacheinfo', `100644,${attributes},.gitattributes`)
  const base = git(repo, 'commit-tree', '-m', 'x', '-p', 'HEAD', git(repo, 'write-tree'))
  planted.clear()
  const made = await worktrees.ensure(agentOf(repo, 'a2', { base }), other, false)
  t.equal(readFileSync(join(other, 'a.txt'), 'utf8'), 'one\ntwo\n')
  await worktrees.ensure(spec, path, true)
  planted.plantView(join(repo, '.git/worktrees/a1'))
  t.match(await diffText(path, 'main'), /\+six/)
  planted.plantView(join(repo, '.git/worktrees/a1'))
  await worktrees.release(spec, state)
  await worktrees.ensure(spec, path, true)
  write('a.txt', 'ten\nten\n')
  planted.plantView(join(repo, '.git/worktrees/a1'))
  const ref = await worktrees.remove(spec, state, { keepBranch: false })
  t.equal(git(repo, 'show', '--no-ext-diff', '--no-textconv', `${ref}:a.txt`), 'ten\nten')
  await worktrees.remove(agentOf(repo, 'a2'), made, { keepBranch: false })
  t.same(planted.fired(), [])
})

t.test('hostile names are refused or harmless', async (t) => {
  const { repo } = await agentAt()
  const canary = join(dir, 'canary')
  const evil = [
    `-b`,
    `--upload-pack=touch ${canary}`,
    `--output=${canary}`,
    `$(touch ${canary})`,
    `\`touch ${canary}\``,
    `;touch ${canary}`,
    `#(touch ${canary})`,
    'a..b',
    'a b',
    'a\nb',
    'a\0b',
    '@{-1}',
    '@',
    'HEAD',
    'refs/heads/x',
    'x.lock',
    '../../x',
    "q'uote",
    ':/first',
    '',
    'x'.repeat(300),
  ]
  const before = refsOf(repo)
  for (const [i, name] of evil.entries()) {
    const path = join(dir, 'evil-trees', `a${i}`)
    const label = JSON.stringify(name.slice(0, 40))
    await t.rejects(
      worktrees.check(agentOf(repo, 'a2', { branch: name })),
      { code: 'SQUADD_INVALID', data: { field: 'branch' } },
      `branch ${label}`,
    )
    if (name !== '@' && name !== 'HEAD' && name !== ':/first')
      await t.rejects(
        worktrees.check(agentOf(repo, 'a2', { base: name })),
        { code: 'SQUADD_INVALID', data: { field: 'base' } },
        `base ${label}`,
      )
    await t.rejects(
      worktrees.ensure(agentOf(repo, 'a2', { branch: name }), path, false),
      { code: 'SQUADD_INVALID', data: { field: 'branch' } },
      `ensure, branch ${label}`,
    )
    const spec = agentOf(repo, 'a2')
    spec.id = name
    if (name !== 'HEAD')
      await t.rejects(
        worktrees.ensure(spec, path, false),
        { code: 'SQUADD_INVALID', data: { field: 'id' } },
        `id ${label}`,
      )
  }
  t.same(refsOf(repo), before)
  t.same(recordsOf(repo), ['a1'])
  t.notOk(existsSync(canary))
})

t.test('twenty agents of one repository come and go at once', async (t) => {
  const repo = makeRepository(dir, 'busy')
  const agents = Array.from({ length: 20 }, (_, i) => agentOf(repo, `a${i}`))
  const pathOf = (id: string) => join(dir, 'busy-trees', id)
  const states = await Promise.all(
    agents.map((spec) => worktrees.ensure(spec, pathOf(spec.id), false)),
  )
  t.equal(recordsOf(repo).length, 20)
  // A second adapter shares the order, and new ones come while others go.
  const second = createWorktrees()
  await Promise.all(
    agents.map((spec, i) =>
      i % 2 === 0
        ? worktrees.remove(spec, states[i]!, { keepBranch: false })
        : second.release(spec, states[i]!).then(() => second.ensure(spec, pathOf(spec.id), true)),
    ),
  )
  t.equal(recordsOf(repo).length, 10)
  t.equal(refsOf(repo).length, 11)
})

t.test('operations on one repository follow each other, whatever becomes of them', async (t) => {
  const log: string[] = []
  const act = (name: string, end: () => void) => async () => {
    log.push(`${name} begins`)
    await new Promise(setImmediate)
    log.push(`${name} ends`)
    end()
  }
  const fail = () => {
    throw new Error('failed')
  }
  const first = oneAtATime('repo', act('first', fail))
  const second = oneAtATime(
    'repo',
    act('second', () => {}),
  )
  const other = oneAtATime(
    'other',
    act('other', () => {}),
  )
  await t.rejects(first, { message: 'failed' })
  await Promise.all([second, other])
  const of = (name: string) => log.filter((line) => line.startsWith(name))
  t.same(
    log.filter((line) => !line.startsWith('other')),
    [...of('first'), ...of('second')],
  )
  t.ok(log.indexOf('other begins') < log.indexOf('first ends'), 'another repository waits for none')
})

t.test('a lock of another git is waited for, and named when it stays', async (t) => {
  const repo = makeRepository(dir, 'locked')
  const lock = join(repo, '.git/refs/heads/squadd/a1.lock')
  mkdirSync(join(repo, '.git/refs/heads/squadd'))
  writeFileSync(lock, '')
  const path = join(dir, 'locked-trees', 'a1')
  const impatient = createWorktrees({ lockTimeoutMs: 0 })
  await t.rejects(impatient.ensure(agentOf(repo, 'a1'), path, false), {
    code: 'SQUADD_GIT',
    data: { lock },
    message: /or died and left it/,
  })
  t.notOk(existsSync(path))
  t.same(recordsOf(repo), [])
  // The chance that makes the pause is asked after the first try: then the other git lets go.
  let tries = 0
  const random = () => {
    tries++
    rmSync(lock, { force: true })
    return 0
  }
  const told: string[] = []
  const patient = createWorktrees({ random, onLockRetry: (operation) => told.push(operation) })
  await patient.ensure(agentOf(repo, 'a1'), path, false)
  t.equal(tries, 1)
  t.same(told, ['add'])
  t.ok(existsSync(join(path, 'a.txt')))
})

t.test('no temporary file is left', (t) => {
  t.same(leftovers(dir), [])
  t.end()
})

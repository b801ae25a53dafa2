import {
  chmodSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { type GitBase, captureBase, changeSince } from '../../src/workers/change.ts'
import { createOutputLogs } from '../../src/workers/output-logs.ts'
import { git, gitScratch, leftovers, makeRepository } from '../support/git-repository.ts'
import { plantCommands } from '../support/hostile-repository.ts'

const dir = gitScratch()
let made = 0

/** A worktree on branch `work`, with `act` done between the base and the look. */
function worktree() {
  const n = ++made
  const repo = makeRepository(dir, `repo${n}`)
  const path = join(dir, `tree${n}`)
  git(repo, 'worktree', 'add', '-q', '-b', 'work', path)
  const write = (name: string | Buffer, text: string) =>
    writeFileSync(typeof name === 'string' ? join(path, name) : name, text)
  const commit = () => {
    git(path, 'add', '--all')
    git(path, 'commit', '-qm', 'work')
    return git(path, 'rev-parse', 'HEAD')
  }
  return { repo, path, write, commit, base: () => captureBase(path) }
}

/** As it comes back from a file. */
const stored = (base: GitBase): GitBase => JSON.parse(JSON.stringify(base))

t.test('nothing changed', async (t) => {
  const { path, base } = worktree()
  const head = git(path, 'rev-parse', 'HEAD')
  const before = stored(await base())
  t.same(before, { head, files: {} })
  const nothing = { branch: 'work', commit: head, filesChanged: 0, insertions: 0, deletions: 0 }
  t.same(await changeSince(path, before), { ...nothing, dirty: false })
})

t.test('commits, changes and new files are counted together, each file once', async (t) => {
  const { path, write, commit, base } = worktree()
  const before = stored(await base())
  write('a.txt', 'one\n')
  write('c.txt', '1\n2\n3\n')
  const head = commit()
  write('c.txt', '1\n2\n3\n4\n')
  write('untracked.txt', 'x\ny')
  write('quo"te\n ü.txt', 'x\n')
  write('ignored.log', 'x\n')
  rmSync(join(path, 'b.txt'))
  t.same(await changeSince(path, before), {
    branch: 'work',
    commit: head,
    filesChanged: 5,
    insertions: 4 + 2 + 1,
    deletions: 1 + 1,
    dirty: true,
  })
})

t.test('what differed before and was not touched is no part of it', async (t) => {
  const { path, write, commit, base } = worktree()
  write('a.txt', 'changed before\n')
  write('untracked.txt', 'before\n')
  write('touched.txt', 'before\n')
  write('gone.txt', 'before\n')
  const before = stored(await base())
  t.same(Object.keys(before.files), ['a.txt', 'gone.txt', 'touched.txt', 'untracked.txt'])
  t.match(await changeSince(path, before), { filesChanged: 0, dirty: true })
  write('touched.txt', 'before\nand more\n')
  rmSync(join(path, 'gone.txt'))
  t.match(await changeSince(path, before), { filesChanged: 2, insertions: 2, deletions: 0 })
  git(path, 'checkout', '-q', 'a.txt')
  t.match(await changeSince(path, before), { filesChanged: 3 }, 'taken back is a change')
  commit()
  t.match(await changeSince(path, before), { filesChanged: 4, dirty: false }, 'so is committed')
})

t.test('mode, kind, name and conflict are changes too', async (t) => {
  const { path, write, commit, base } = worktree()
  write('run.sh', 'x\n')
  commit()
  const before = await base()
  chmodSync(join(path, 'run.sh'), 0o755)
  t.match(await changeSince(path, before), { filesChanged: 1, insertions: 0, deletions: 0 })
  rmSync(join(path, 'a.txt'))
  symlinkSync('b.txt', join(path, 'a.txt'))
  symlinkSync('/dev/zero', join(path, 'endless'))
  t.match(await changeSince(path, before), { filesChanged: 3 })
  renameSync(join(path, 'b.txt'), join(path, 'renamed.txt'))
  t.match(await changeSince(path, before), { filesChanged: 5 })

  const other = worktree()
  other.write('a.txt', 'ours\n')
  other.commit()
  const merging = await other.base()
  writeFileSync(join(other.repo, 'a.txt'), 'theirs\n')
  git(other.repo, 'commit', '-qam', 'theirs')
  t.throws(() => git(other.path, 'merge', 'main'))
  t.match(await changeSince(other.path, merging), { filesChanged: 1, dirty: true, branch: 'work' })
})

t.test('names that are no UTF-8 are told apart', async (t) => {
  const { path, write, base } = worktree()
  const name = (byte: number) => Buffer.concat([Buffer.from(`${path}/n`), Buffer.from([byte])])
  write(name(0xfe), 'one\n')
  const before = stored(await base())
  write(name(0xff), 'two\n')
  t.match(await changeSince(path, before), { filesChanged: 1, insertions: 1 })
})

t.test('a detached, an unborn and a lost commit', async (t) => {
  const { path, write, base } = worktree()
  git(path, 'checkout', '-q', '--detach')
  t.match(await changeSince(path, await base()), { branch: null, filesChanged: 0 })
  git(path, 'checkout', '-q', '--orphan', 'new')
  git(path, 'rm', '-rfq', '.')
  const unborn = stored(await base())
  t.equal(unborn.head, null)
  write('first.txt', '1\n2\n')
  t.match(await changeSince(path, unborn), { branch: 'new', commit: null, insertions: 2 })
  git(path, 'add', '.')
  git(path, 'commit', '-qm', 'first')
  t.match(await changeSince(path, unborn), { filesChanged: 1, insertions: 2, dirty: false })
  const lost = { head: '1'.repeat(40), files: {} }
  await t.rejects(changeSince(path, lost), {
    code: 'SQUADD_GIT',
    message: /git diff: .*bad object/,
  })
  await t.rejects(changeSince(path, { head: '--output=x', files: {} }), { code: 'SQUADD_GIT' })
})

t.test('binary and large files count as files without lines', async (t) => {
  const { path, write, base } = worktree()
  const before = await base()
  write('binary', 'a\n\0b\n')
  write('large', 'x\n'.repeat(600_000))
  write('empty', '')
  t.match(await changeSince(path, before), { filesChanged: 3, insertions: 0 })
})

t.test('a heap of untracked files is looked at in part', async (t) => {
  const { path, write, base } = worktree()
  mkdirSync(join(path, 'node_modules'))
  for (let i = 0; i < 2100; i++) write(`node_modules/${i}`, 'x\n')
  const before = stored(await base())
  t.equal(Object.keys(before.files).length, 2000)
  write('a.txt', 'tracked files are never left out\n')
  t.match(await changeSince(path, before), { filesChanged: 1 })
  write('aaa', 'pushes the last of the 2,000 out of sight\n')
  t.match(await changeSince(path, before), { filesChanged: 2, insertions: 2 })
})

t.test('a worktree that is not there any more is named as the cause', async (t) => {
  const swaps: ((path: string) => void)[] = [
    (path) => rmSync(path, { recursive: true }),
    (path) => rmSync(join(path, '.git')),
    (path) => writeFileSync(join(path, '.git'), 'gitdir: /nowhere\n'),
    (path) => {
      renameSync(path, `${path}-away`)
      symlinkSync(`${path}-away`, path)
    },
    (path) => {
      const other = worktree()
      rmSync(join(path, '.git'))
      writeFileSync(join(path, '.git'), `gitdir: ${git(other.path, 'rev-parse', '--git-dir')}\n`)
    },
  ]
  for (const swap of swaps) {
    const { path, base } = worktree()
    const before = await base()
    swap(path)
    const looks: (() => Promise<unknown>)[] = [
      () => captureBase(path),
      () => changeSince(path, before),
    ]
    for (const look of looks)
      await t.rejects(look(), { code: 'SQUADD_GIT', data: { cause: 'worktree_missing' } })
  }
})

t.test('nothing that the repository configures is run, nothing of git is written', async (t) => {
  const { repo, path, write, base } = worktree()
  const planted = plantCommands(repo, dir)
  write('.gitattributes', '* filter=evil diff=evil\n')
  write('a.txt', 'six\nsix\n')
  git(path, 'status')
  t.ok(planted.fired().length > 1, `plain git runs what is planted: ${planted.fired().join()}`)
  planted.clear()
  const index = readFileSync(join(repo, `.git/worktrees/tree${made}/index`))
  const objects = git(repo, 'count-objects')
  planted.clear()
  const before = await base()
  write('a.txt', 'ten\nten\nten\n')
  write('new', 'x\n')
  planted.plantView(join(repo, `.git/worktrees/tree${made}`))
  t.match(await changeSince(path, before), { filesChanged: 2, insertions: 4, deletions: 2 })
  t.same(planted.fired(), [])
  t.same(readFileSync(join(repo, `.git/worktrees/tree${made}/index`)), index)
  t.equal(git(repo, 'count-objects'), objects)
})

async function chunksOf(chunks: AsyncIterable<Uint8Array>): Promise<string> {
  const all: Uint8Array[] = []
  for await (const chunk of chunks) all.push(chunk)
  return Buffer.concat(all).toString()
}

t.test('output is read segment by segment, and a gap is told', async (t) => {
  const logs = join(dir, 'logs')
  mkdirSync(logs)
  const outputs = createOutputLogs(logs)
  t.equal(await chunksOf(outputs.read('t1-1')), '', 'no output')
  for (const [name, text] of Object.entries({
    't1-1.log.0': 'first ',
    't1-1.log.9': 'nine ',
    't1-1.log.10': 'ten ',
    't1-1.log.11': 'eleven',
    't1-1.log.x': 'not a segment',
    't1-12.log.0': 'another attempt',
    't11-1.log.0': 'another task',
    't2-1.log.0': 'a'.repeat(200_000),
    't2-1.log.1': 'b',
  }))
    writeFileSync(join(logs, name), text)
  t.equal(await chunksOf(outputs.read('t1-1')), 'first \n[… output left out …]\nnine ten eleven')
  t.equal(await chunksOf(outputs.read('t2-1')), `${'a'.repeat(200_000)}b`)
  symlinkSync('/etc/passwd', join(logs, 't3-1.log.0'))
  t.equal(await chunksOf(outputs.read('t3-1')), '', 'a link is not followed')
  for (const key of ['../x', 't1-1.log.0', '', 't1', 't1-1/../t2-1'])
    await t.rejects(
      chunksOf(outputs.read(key)),
      { code: 'SQUADD_INVALID', data: { field: 'key' } },
      key,
    )
  t.equal(await chunksOf(createOutputLogs(join(dir, 'nowhere')).read('t1-1')), '')
})

t.test(
  'a reader that stops early, or whose segments go meanwhile, leaves nothing open',
  async (t) => {
    const logs = join(dir, 'rotating')
    mkdirSync(logs)
    for (const n of [0, 1, 2, 3]) writeFileSync(join(logs, `t1-1.log.${n}`), `${n}`.repeat(100_000))
    const open = () => readdirSync('/proc/self/fd').length
    const before = open()
    const outputs = createOutputLogs(logs)
    for await (const chunk of outputs.read('t1-1')) if (chunk.length > 0) break
    let text = ''
    for await (const chunk of outputs.read('t1-1')) {
      rmSync(join(logs, 't1-1.log.1'), { force: true })
      text += Buffer.from(chunk).toString()
    }
    t.match(text, /^0+\n\[… output left out …\]\n2+3+$/)
    t.equal(open(), before)
  },
)

t.test('no temporary file is left', (t) => {
  t.same(leftovers(dir), [])
  t.end()
})

import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, rmSync, watch, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { typeable } from '../../src/workers/typist.ts'
import {
  asWindowId,
  listPanes,
  openProgram,
  openWindow,
  parsePanes,
  pasteFile,
  pasteInto,
  pressKey,
  tmuxConf,
} from '../../src/workers/tmux-commands.ts'
import { Tmux } from '../../src/workers/tmux.ts'
import { shellQuote } from '../../src/workers/shell-quote.ts'
import { createWorktrees } from '../../src/workers/worktree.ts'
import { scratch } from '../support/api.ts'
import { agentOf, git, gitScratch, makeRepository } from '../support/git-repository.ts'
import { hostileTexts } from '../support/hostile-text.ts'
import { seed } from '../support/seed.ts'

/** `npm run hostile` has 10,000. */
const count = Number(process.env['TEXTS'] ?? 300)
/** A start of git takes longer than a paste. */
const ofGit = Number(process.env['TEXTS'] ?? 100)
const repositories = gitScratch()

t.setTimeout(60_000 + count * 400)

t.test(`${count} hostile names and prompts mean nothing to tmux (seed ${seed})`, async (t) => {
  const dir = scratch(t)
  const canary = join(dir, 'canary')
  const sink = join(dir, 'sink')
  mkdirSync(join(dir, 'launch'))
  writeFileSync(join(dir, 'tmux.conf'), tmuxConf)
  writeFileSync(
    join(dir, 'launch/p1.sh'),
    `stty raw -echo; : >'${sink}.ready'; exec cat >'${sink}'\n`,
  )
  const tmux = new Tmux({
    socket: join(dir, 'tmux.sock'),
    cwd: dir,
    env: { PATH: process.env['PATH'] ?? '', LANG: 'C.UTF-8', TERM: 'xterm-256color', HOME: dir },
    runPrefix: `hostile${process.pid}/a1`,
    onWindowClosed: () => t.fail('a window was closed'),
    onRestored: () => t.fail('the server was replaced'),
    onLost: (error) => t.fail(error.message),
  })
  await tmux.open(false)
  t.teardown(() => tmux.end())
  const [opened = []] = await tmux.run(openProgram('p1'))
  const { window } = parsePanes(opened)[0]!
  await appears(dir, () => existsSync(`${sink}.ready`))
  const server = tmux.pid
  const expected: string[] = []
  let refused = 0
  for (const text of hostileTexts(canary, count, seed)) {
    for (const make of [openWindow, openProgram, asWindowId]) {
      try {
        make(text)
      } catch {
        refused += 1
      }
    }
    try {
      pressKey(window, text)
    } catch {
      refused += 1
    }
    const typed = typeable(text, {})
    if (typed === '') continue
    writeFileSync(join(dir, pasteFile), typed)
    await tmux.run(...pasteInto(window), pressKey(window, 'Enter'))
    expected.push(typed, '\r')
  }
  const all = Buffer.from(expected.join(''))
  await appears(dir, () => readFileSync(sink).length >= all.length)
  t.ok(refused > 3.9 * count, `${refused} refused as names, windows and keys`)
  t.ok(readFileSync(sink).equals(all), 'every text came in byte by byte')
  t.notOk(existsSync(canary), 'and ran nothing')
  t.equal(tmux.pid, server)
  const panes = parsePanes((await tmux.run(listPanes()))[0]!)
  t.same(panes.map(({ name }) => name).sort(), ['lobby', 'program'])
})

/** Resolves once something holds, looked at whenever the folder changes. */
async function appears(dir: string, holds: () => boolean): Promise<void> {
  const watcher = watch(dir)
  try {
    const changes = new Promise<void>((resolve) => {
      watcher.on('change', () => holds() && resolve())
    })
    if (!holds()) await changes
  } finally {
    watcher.close()
  }
}

t.test(`${count} hostile texts are one word each for a shell`, (t) => {
  const dir = scratch(t)
  const canary = join(dir, 'canary')
  const texts = hostileTexts(canary, count, seed + 1).map((text) =>
    Buffer.from(text.replaceAll('\0', '')).toString(),
  )
  const script = join(dir, 'script')
  for (let i = 0; i < texts.length; i += 200) {
    const some = texts.slice(i, i + 200)
    writeFileSync(script, `printf '%s\\0' ${some.map(shellQuote).join(' ')}\n`)
    const said = execFileSync('sh', [script], { cwd: dir, maxBuffer: 100_000_000 }).toString()
    t.same(said.split('\0').slice(0, -1), some)
  }
  t.notOk(existsSync(canary))
  t.end()
})

t.test(`${ofGit} hostile names, revisions and paths mean nothing to git`, async (t) => {
  const repo = makeRepository(repositories, 'target')
  const canary = join(repositories, 'canary')
  const worktrees = createWorktrees()
  const refs = git(repo, 'for-each-ref')
  let refused = 0
  for (const [i, text] of hostileTexts(canary, ofGit, seed + 2).entries()) {
    const tries = [
      () => worktrees.check(agentOf(repo, 'a1', { branch: text })),
      () => worktrees.check(agentOf(repo, 'a1', { base: text })),
      () => worktrees.diff(repo, text),
      () => worktrees.check(agentOf(`${repositories}/${text}`, 'a1')),
    ]
    try {
      await tries[i % tries.length]!()
    } catch (error) {
      const { code } = error as { code: string }
      if (!/^SQUADD_(INVALID|GIT)$/.test(code)) t.fail(`${JSON.stringify(text)}: ${String(error)}`)
      refused += 1
    }
    if (i % 20 === 0) await inFolder(text)
  }
  t.ok(refused > ofGit / 2, `${refused} refused`)
  t.notOk(existsSync(canary))
  t.equal(git(repo, 'for-each-ref'), refs)
  t.equal(git(repo, 'worktree', 'list', '--porcelain').match(/^worktree /gm)?.length, 1)

  /** Folders may have any name: the whole life of a worktree below one. */
  async function inFolder(text: string): Promise<void> {
    const name = text
      .replaceAll(/[\0/]/g, '')
      .slice(0, 60)
      .replaceAll(/\p{Cs}/gu, '')
    if (['', '.', '..'].includes(name)) return
    const folder = join(repositories, 'named', name)
    mkdirSync(folder, { recursive: true })
    const spec = agentOf(repo, 'a1')
    const path = join(folder, 'a1')
    const state = await worktrees.ensure(spec, path, false)
    writeFileSync(join(path, 'new.txt'), 'new\n')
    t.match(Buffer.from(await worktrees.diff(path, 'HEAD')).toString(), /new\.txt/)
    const ref = await worktrees.remove(spec, state, { keepBranch: false })
    git(repo, 'update-ref', '-d', ref!)
    rmSync(join(repositories, 'named'), { recursive: true })
  }
})

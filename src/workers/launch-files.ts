import { mkdirSync, readFileSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { codeOf } from '../supervisor/domain/error.ts'
import type { AttemptKey, AttemptOrder, HostSetup } from '../supervisor/domain/message.ts'
import { parseAttemptKey } from '../supervisor/domain/message.ts'
import type { StopReason, Usage } from '../supervisor/domain/task.ts'
import { stopReasons } from '../supervisor/domain/task.ts'
import { failing } from '../supervisor/failpoint/failpoint.ts'
import { accessVariables } from './access.ts'
import type { GitBase } from './change.ts'
import type { LaunchKey } from './hooks.ts'
import { hookCommand, hookPrefix } from './hooks.ts'
import { launcherScript } from './launcher.ts'
import type { LauncherPlan } from './launcher.ts'
import { makeExitSlot } from './outbox.ts'
import { bootId } from './processes.ts'
import type { KnownConversation, Launch, Place } from './programs/launch.ts'
import type { Program } from './programs/program.ts'
import type { Terminal } from './programs/terminal.ts'

/** What a later host has to know of an attempt, beside the facts. */
export type LaunchMemo = {
  nonce: string
  base: GitBase | null
  /** What its conversation had used before; null when that is not known. */
  spent: Usage | null
}

export type LaunchContext = {
  base: GitBase | null
  conversation: KnownConversation | null
  spent: Usage | null
}

const endings = ['sh', 'prompt', 'memo', 'stop', 'report', 'stream', 'turn'] as const

/**
 * Writes everything the window's shell needs to run an order: all user text travels in these files.
 * Throws SQUADD_INVALID when the program cannot be started with it.
 */
export function writeLaunch(
  setup: HostSetup,
  order: AttemptOrder,
  program: Program,
  { base, conversation, spent }: LaunchContext,
): LaunchMemo {
  const { key } = order
  const promptFile = pathOf(setup.dir, key, 'prompt')
  const launch = program.launch(placeOf(setup, key, conversation), order, promptFile)
  // Only a mark to find the end by: whoever may read the launcher may read it.
  const nonce = process.hrtime.bigint().toString(16)
  const memo = { nonce, base, spent }
  // First: whoever finds the rest and not this knows that someone removed it.
  makeExitSlot(setup.outbox, key)
  write(promptFile, program.asData?.(order.prompt) ?? order.prompt)
  write(pathOf(setup.dir, key, 'memo'), JSON.stringify(memo))
  writeScript(setup, key, launch, {
    stdin: launch.stdin,
    stdout: program.read ? pathOf(setup.dir, key, 'stream') : null,
    isInteractive: false,
    verify: order.verify,
    nonce,
  })
  return memo
}

/** Writes what the window's shell needs to start an interactive program. */
export function writeProgramLaunch(
  setup: HostSetup,
  key: LaunchKey,
  terminal: Terminal,
  conversation: KnownConversation | null,
): void {
  const launch = terminal.launch(placeOf(setup, key, conversation))
  makeExitSlot(setup.outbox, key)
  writeScript(setup, key, launch, {
    ...{ stdin: null, stdout: null, isInteractive: true, verify: null },
    nonce: process.hrtime.bigint().toString(16),
  })
}

type Plan = Pick<LauncherPlan, 'stdin' | 'stdout' | 'isInteractive' | 'verify' | 'nonce'>

function writeScript(
  setup: HostSetup,
  key: string,
  { argv, env, files, links }: Omit<Launch, 'stdin'>,
  plan: Plan,
): void {
  const folder = folderOf(setup.dir)
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  for (const [name, text] of Object.entries(files ?? {})) write(inside(folder, name), text)
  for (const [name, target] of Object.entries(links ?? {})) link(inside(folder, name), target)
  const script = launcherScript({
    ...plan,
    key,
    argv,
    outbox: setup.outbox,
    worktree: setup.worktree,
    env: {
      ...variables({ ...setup.env, ...env }),
      ...accessVariables(setup, key),
      SQUADD_REPORT: pathOf(setup.dir, key, 'report'),
    },
    runId: `${setup.runPrefix}/${key}`,
    boot: bootId(),
    umask: process.umask(),
    limits: setup.limits,
  })
  failing('launch.write_script', () => write(pathOf(setup.dir, key, 'sh'), script))
}

const placeOf = (setup: HostSetup, key: string, conversation: KnownConversation | null): Place => ({
  spec: setup.spec,
  worktree: setup.worktree,
  folder: folderOf(setup.dir),
  env: setup.env,
  conversation,
  hook: (event) => hookCommand(setup.outbox, key, event),
  hookPrefix: hookPrefix(setup.outbox, key),
})

const folderOf = (dir: string): string => join(dir, 'program')

export function readMemo(dir: string, key: AttemptKey): LaunchMemo | null {
  const text = read(pathOf(dir, key, 'memo'))
  try {
    return text === null ? null : (JSON.parse(text) as LaunchMemo)
  } catch {
    // Torn by a crash before the launch: then nothing ran that it could tell of.
    return null
  }
}

/** Remembers that the attempt was ended by us, before it is. */
export function writeStop(dir: string, key: AttemptKey, reason: StopReason): void {
  write(pathOf(dir, key, 'stop'), reason)
}

/** Null where nothing is, or where a full disk or a crash left less than a word. */
export function readStop(dir: string, key: AttemptKey): StopReason | null {
  const text = read(pathOf(dir, key, 'stop'))
  return stopReasons.find((reason) => reason === text) ?? null
}

/** What the program said of itself; empty when it said nothing. */
export const readReport = (dir: string, key: AttemptKey): string =>
  read(pathOf(dir, key, 'report')) ?? ''

/** The whole lines of what a headless program said. */
export function readStream(dir: string, key: AttemptKey): string[] {
  const text = read(pathOf(dir, key, 'stream')) ?? ''
  return text.split('\n').filter((line) => line.trim() !== '')
}

export function removeLaunch(dir: string, key: string): void {
  failing('attempt.remove_launch', () => {
    for (const ending of endings) rmSync(pathOf(dir, key, ending), { force: true })
  })
}

/** Attempts that were about to be launched, or were. */
export function launchedKeys(dir: string): AttemptKey[] {
  const keys = readdirSync(join(dir, 'launch')).map((name) => name.slice(0, name.indexOf('.')))
  return [...new Set(keys.filter((key) => parseAttemptKey(key)))]
}

export const pathOf = (dir: string, key: string, ending: (typeof endings)[number]): string =>
  join(dir, 'launch', `${key}.${ending}`)

const write = (path: string, text: string): void => writeFileSync(path, text, { mode: 0o600 })

function link(path: string, target: string): void {
  rmSync(path, { recursive: true, force: true })
  symlinkSync(target, path)
}

/** The path of a name, which may have folders of its own. */
function inside(folder: string, name: string): string {
  const path = join(folder, name)
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
  return path
}

function read(path: string): string | null {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return null
    throw error
  }
}

/** All of them again, for the server may be older than they are; but the pane has its own TERM. */
function variables({ TERM: _pane, ...rest }: Record<string, string>): Record<string, string> {
  const names = Object.entries(rest)
  return Object.fromEntries(names.filter(([name]) => /^[A-Za-z_][A-Za-z0-9_]*$/.test(name)))
}

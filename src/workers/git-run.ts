import { setTimeout as pause } from 'node:timers/promises'
import { simpleGit } from 'simple-git'
import { messageOf, SquadError } from '../supervisor/domain/error.ts'
import type { Random } from '../supervisor/domain/time.ts'
import { backoffDelayMs } from '../supervisor/policy/backoff.ts'
import { safeOptions } from './git-environment.ts'
import { asObjectId } from './git-args.ts'
import type { GitArgs, ObjectId } from './git-args.ts'
import type { GitAt } from './git-view.ts'

// simple-git refuses what could run a command. All that is allowed here is fixed or switches
// commands off; user text only ever follows `--` or `--end-of-options`.
const unsafe = {
  allowUnsafeHooksPath: true,
  allowUnsafeFsMonitor: true,
  allowUnsafeFilter: true,
  allowUnsafeConfigPaths: true,
  allowUnsafeConfigEnvCount: true,
}

/**
 * Runs git with a fixed argv and our environment; answers its output. Throws SQUADD_GIT with git's
 * own words, `data.status` (the exit status) and, where a lock was in the way, `data.lock`;
 * SQUADD_BAD_CONFIG when there is no git.
 */
export const git = <const A extends readonly string[]>(
  args: A & GitArgs<A>,
  at: GitAt,
): Promise<string> => run(args, at)

async function run(args: readonly string[], at: GitAt): Promise<string> {
  let status = 0
  let said = ''
  try {
    const runner = simpleGit({
      baseDir: at.dir,
      unsafe,
      allowEnvironment: Object.keys(at.env).filter((name) => name.startsWith('GIT_')),
      timeout: { block: 600_000 },
      completion: { onExit: false },
      errors(error, result) {
        status = result.exitCode
        said = Buffer.concat(result.stdErr).toString().trim()
        // git leaves out what it may not read and calls that a success; for us it is data.
        if (status !== 0 || said.includes('could not open directory')) return new Error(said)
        return error
      },
    })
      .env(at.env)
      // simple-git waits 50 ms for the output of a git that prints nothing; this counts as output.
      .outputHandler((_command, output) =>
        queueMicrotask(() => output.emit('data', Buffer.alloc(0))),
      )
    return await runner.raw([...safeOptions, ...at.options, ...args])
  } catch (error) {
    throw failure(args, status, at.real(said), error)
  }
}

function failure(args: readonly string[], status: number, said: string, cause: unknown) {
  const problem = said || messageOf(cause)
  if (/\bspawn git ENOENT\b/.test(problem))
    return new SquadError('SQUADD_BAD_CONFIG', 'git is not to be found', {
      hint: 'install git 2.36 or newer, or put it on the PATH of the daemon',
    })
  const [, lock] =
    /Unable to create '([^']+\.lock)': File exists/.exec(problem) ??
    /could not lock config file (.+): File exists/.exec(problem) ??
    []
  const line = problem.replace(/\s*\n\s*/g, ' · ').slice(0, 1000)
  const hint = { hint: `another git holds ${lock}, or died and left it: remove it then` }
  return new SquadError(
    'SQUADD_GIT',
    `git ${args.find((one) => !one.startsWith('-')) ?? ''}: ${line}`,
    lock === undefined ? { status } : { status, lock, ...hint },
    cause,
  )
}

/** The same for a question: null when git exits with 1, its way to say no. */
export async function ask<const A extends readonly string[]>(
  args: A & GitArgs<A>,
  at: GitAt,
): Promise<string | null> {
  try {
    return await run(args, at)
  } catch (error) {
    if (error instanceof SquadError && error.data['status'] === 1) return null
    throw error
  }
}

/** The object that a revision names, or null when there is none. */
export async function resolveRevision(
  revision: string,
  at: GitAt,
  kind = 'commit',
): Promise<ObjectId | null> {
  // simple-git would take such a name for an option, even behind --end-of-options.
  if (revision === '' || revision.startsWith('-') || revision.includes('\0')) return null
  const wanted = `${revision}^{${kind}}`
  try {
    const found = await ask(['rev-parse', '--verify', '--quiet', '--end-of-options', wanted], at)
    return found === null ? null : asObjectId(found.trim())
  } catch (error) {
    // Not a revision at all, or one of the wrong kind.
    if (error instanceof SquadError && error.data['status'] === 128) return null
    throw error
  }
}

/** Moves a ref from `old` ('' = it must not exist) to `now`, or throws SQUADD_GIT. */
export async function updateRef(at: GitAt, ref: string, now: string, old: string): Promise<void> {
  await git(['update-ref', '--no-deref', '-m', 'squadd', '--', ref, now, old], at)
}

export type LockPatience = {
  lockTimeoutMs: number
  random: Random
  /** It is tried again. */
  onRetry?: () => void
}

/**
 * Does something again while another git holds a lock, at most `lockTimeoutMs`; then its SQUADD_GIT,
 * which names the lock file. `act` leaves nothing behind when it throws.
 */
export async function patiently<T>(
  { lockTimeoutMs, random, onRetry }: LockPatience,
  act: () => Promise<T>,
): Promise<T> {
  const until = performance.now() + lockTimeoutMs
  for (let attempt = 1; ; attempt++) {
    try {
      return await act()
    } catch (error) {
      const locked = error instanceof SquadError && error.data['lock'] !== undefined
      if (!locked || performance.now() >= until) throw error
      onRetry?.()
      await pause(backoffDelayMs(attempt, { baseMs: 50, maxMs: 1000, factor: 2 }, random))
    }
  }
}

import { execFile } from 'node:child_process'
import { SquadError } from '../supervisor/domain/error.ts'
import { safeOptions } from './git-environment.ts'
import type { GitArgs } from './git-args.ts'
import type { GitAt } from './git-view.ts'

const mostBytes = 33_554_432

/**
 * What git prints for a fixed argv, one byte a character; of more than 32 MiB the beginning, up to the
 * last NUL. Loads no package, for the agent host. Throws SQUADD_GIT, SQUADD_BAD_CONFIG without git.
 */
export function readGit<const A extends readonly string[]>(
  args: A & GitArgs<A>,
  at: GitAt,
): Promise<string> {
  const options = {
    cwd: at.dir,
    env: at.env,
    encoding: 'latin1',
    maxBuffer: mostBytes,
  } as const
  return new Promise((resolve, reject) => {
    execFile('git', [...safeOptions, ...args], options, (error, output, said) => {
      if (!error) resolve(output)
      else if (error.code === 'ERR_CHILD_PROCESS_STDIO_MAXBUFFER')
        resolve(output.slice(0, output.lastIndexOf('\0') + 1))
      else if (error.code === 'ENOENT')
        reject(new SquadError('SQUADD_BAD_CONFIG', 'git is not to be found', { hint: installHint }))
      else {
        const words = at.real(said.trim()).replace(/\s*\n\s*/g, ' · ') || error.message
        reject(new SquadError('SQUADD_GIT', `git ${args[0]}: ${words.slice(0, 1000)}`, {}, error))
      }
    })
  })
}

/** The path of a name that git printed, byte for byte. */
export const pathOf = (worktree: string, name: string): Buffer =>
  Buffer.concat([Buffer.from(`${worktree}/`), Buffer.from(name, 'latin1')])

const installHint = 'install git 2.36 or newer, or put it on the PATH of the daemon'

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import type { AttemptKey, HostSetup } from '../supervisor/domain/message.ts'
import { runVariable } from './tmux-processes.ts'

/**
 * Runs a task's own check in the worktree; answers its exit status as sh reports it: 127 when there is
 * no such program, 128 and more when a signal ended it.
 */
export async function verify(
  [file = '', ...args]: readonly string[],
  { worktree, env, runPrefix }: HostSetup,
  key: AttemptKey,
): Promise<number> {
  const child = spawn(file, args, {
    cwd: worktree,
    env: { ...env, [runVariable]: `${runPrefix}/${key}` },
    stdio: 'ignore',
  })
  try {
    const [code, signal] = (await once(child, 'exit')) as [number | null, string | null]
    return code ?? 128 + (signal === 'SIGKILL' ? 9 : 15)
  } catch {
    return 127
  }
}

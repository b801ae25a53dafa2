import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

/** Resolves when a process has ended that is not a child of this one. */
export const ended = (pid: number): Promise<unknown> =>
  promisify(execFile)('tail', [`--pid=${pid}`, '-s', '0.05', '-f', '/dev/null'])

/** Lets a process stand still while `work` is done; whatever comes of it, it goes on or is gone. */
export async function standingStill<T>(pid: number, work: () => Promise<T>): Promise<T> {
  process.kill(pid, 'SIGSTOP')
  try {
    return await work()
  } finally {
    goOn(pid)
  }
}

function goOn(pid: number): void {
  try {
    process.kill(pid, 'SIGCONT')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}

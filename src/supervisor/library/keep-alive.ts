import { longestTimerMs } from '../domain/time.ts'

let waiting = 0
let timer: NodeJS.Timeout | undefined

/**
 * Keeps this process alive until `work` is done. Nothing else of the library does: a process lives
 * as long as somebody in it waits for an answer, and ends when an orchestrator is simply dropped.
 */
export async function keepAlive<T>(work: Promise<T>): Promise<T> {
  waiting += 1
  timer ??= setInterval(() => {}, longestTimerMs)
  try {
    return await work
  } finally {
    waiting -= 1
    if (waiting === 0) {
      clearInterval(timer)
      timer = undefined
    }
  }
}

import { setTimeout as pause } from 'node:timers/promises'

/**
 * Does something as often as it is asked to, but one at a time, and the next no sooner than `pauseMs`
 * after the last: asked meanwhile, it does it once more. The first failure, or `signal`, ends it.
 */
export function paced(work: () => Promise<void>, pauseMs: number, signal: AbortSignal): () => void {
  let isAsked = false
  let isBusy = false
  const run = async () => {
    isBusy = true
    while (isAsked) {
      isAsked = false
      await work()
      await pause(pauseMs, undefined, { signal })
    }
    isBusy = false
  }
  return () => {
    isAsked = true
    // One that has failed stays busy.
    if (!isBusy) run().catch(() => {})
  }
}

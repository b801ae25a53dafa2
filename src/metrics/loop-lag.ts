import { monitorEventLoopDelay } from 'node:perf_hooks'

// Ten looks a second, outside of JavaScript: next to nothing. Shorter ones would be paid when idle.
const lookMs = 100

/** How late the event loop was. Looks from the first question on: who is not scraped pays nothing. */
export function createLoopLag() {
  const delays = monitorEventLoopDelay({ resolution: lookMs })
  let isOn = false
  return {
    /** Since the question before, in seconds. */
    take() {
      const late = (nanoseconds: number) =>
        delays.count === 0 ? 0 : Math.max(0, nanoseconds / 1e9 - lookMs / 1000)
      const lag = {
        p50: late(delays.percentile(50)),
        p99: late(delays.percentile(99)),
        max: late(delays.max),
      }
      if (isOn) delays.reset()
      else isOn = delays.enable()
      return lag
    },
    close: () => void delays.disable(),
  }
}

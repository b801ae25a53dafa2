import { invalid } from './error.ts'

/** Where time comes from. `now` is wall-clock milliseconds since 1970. */
export type Clock = {
  now(): number
  /** Calls `then` once after `ms`; the answer cancels it. Does not keep the process alive. */
  after(ms: number, then: () => void): () => void
}

/** A number in [0, 1). */
export type Random = () => number

// setTimeout treats a longer delay as 1 ms.
export const longestTimerMs = 2 ** 31 - 1

export const systemClock: Clock = {
  now: () => Date.now(),
  after(ms, then) {
    let timer: NodeJS.Timeout
    const arm = (left: number) => {
      const step = Math.min(Math.max(0, left), longestTimerMs)
      timer = setTimeout(() => (left > step ? arm(left - step) : then()), step)
      timer.unref()
    }
    arm(ms)
    return () => clearTimeout(timer)
  },
}

export const systemRandom: Random = () => Math.random()

const units = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const

/** `500ms`, `30s`, `5m`, `2h`, `1d` or `1h30m` as milliseconds. Throws SQUADD_INVALID. */
export function parseDuration(text: string, field: string): number {
  const whole = /^(?:\d+(?:\.\d+)?(?:ms|s|m|h|d))+$/.test(text)
  if (!whole) throw invalid(field, text, 'is not a duration', 'write 500ms, 30s, 5m, 2h or 1d')
  let total = 0
  for (const [, amount, unit] of text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h|d)/g))
    total += Number(amount) * units[unit as keyof typeof units]
  return Math.round(total)
}

/** Milliseconds as people read them: `250ms`, `4.2s`, `5m`, `2h10m`. */
export function formatDuration(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)}ms`
  if (ms < 60_000) return `${Number((ms / 1000).toFixed(1))}s`
  const minutes = Math.round(ms / 60_000)
  if (minutes < 60) return `${minutes}m`
  const hours = Math.floor(minutes / 60)
  if (hours < 48) return minutes % 60 ? `${hours}h${minutes % 60}m` : `${hours}h`
  return `${Math.round(hours / 24)}d`
}

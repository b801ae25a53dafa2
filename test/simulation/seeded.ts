import type { Random } from '../../src/supervisor/domain/time.ts'

/** Numbers that look random and are the same for the same seed (mulberry32). */
export function seeded(seed: number): Random {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** A number from a text (FNV-1a): draws that hang on a name stay the same when others go. */
export function hash(text: string, seed = 0): number {
  let mixed = (0x811c9dc5 ^ seed) >>> 0
  for (let i = 0; i < text.length; i++)
    mixed = Math.imul(mixed ^ text.charCodeAt(i), 0x01000193) >>> 0
  return mixed
}

/** A whole number from `min` to `max`. */
export const between = (random: Random, min: number, max: number): number =>
  min + Math.floor(random() * (max - min + 1))

export const pick = <T>(random: Random, from: readonly T[]): T =>
  from[Math.floor(random() * from.length)]!

/** Exponential with this mean: the time to the next of many independent things. */
export const exponential = (random: Random, mean: number): number => -Math.log(1 - random()) * mean

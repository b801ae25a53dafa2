// What the pool examples run on worker threads: any module, plain or TypeScript.
import { setTimeout as pause } from 'node:timers/promises'

export const square = (n) => n * n

export function countWords(text) {
  return text.split(/\s+/).filter(Boolean).length
}

export async function slowly({ ms, value }) {
  await pause(ms)
  return value
}

export function loopForEver() {
  for (;;);
}

export function fail(message) {
  throw new RangeError(message)
}

import { setTimeout as delay } from 'node:timers/promises'

/** Those who wait for something to become true. */
export class Waiters {
  #waiting: (() => void)[] = []

  /** Something may have become true. */
  wake(): void {
    for (const wake of this.#waiting.splice(0)) wake()
  }

  /** Resolves when `holds`, at the latest after `withinMs`; the answer is whether it does. */
  async until(holds: () => boolean, withinMs: number): Promise<boolean> {
    const limit = delay(withinMs, true, { ref: false })
    while (!holds()) {
      const woken = new Promise<false>((resolve) => this.#waiting.push(() => resolve(false)))
      if (await Promise.race([woken, limit])) break
    }
    return holds()
  }
}

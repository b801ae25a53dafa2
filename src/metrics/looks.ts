import type { DiskFacts, MetricSources, StoredFacts } from './facts.ts'
import { diskFacts, storedFacts } from './facts.ts'
import { Kept } from './kept.ts'

// A flood of commits is looked at so often, a single one at once.
const storeEachMs = 1000
const diskEachMs = 15_000

/**
 * What a scrape tells and memory does not hold: the store is looked at after it has changed, the disks
 * on a clock, and no scrape but the first waits for either. Who is never scraped pays nothing.
 */
export class Looks {
  readonly #after: MetricSources['after']
  readonly #stored: Kept<StoredFacts>
  readonly #disks: Kept<DiskFacts>
  #isAsked = false
  /** Since the last look at the store: none follows so soon. */
  #isPausing = false
  #hasChanged = false
  #cancelPause = () => {}
  #cancelDisks = () => {}

  constructor(sources: MetricSources) {
    this.#after = (ms, then) => sources.after(ms, then)
    this.#stored = new Kept(async () => storedFacts(sources))
    this.#disks = new Kept(() => diskFacts(sources))
  }

  async take(): Promise<StoredFacts & DiskFacts> {
    if (!this.#isAsked) this.#awaitDisks()
    this.#isAsked = true
    const [stored, disks] = await Promise.all([this.#stored.get(), this.#disks.get()])
    return { ...stored, ...disks }
  }

  /** Something was written to the store. */
  changed(): void {
    if (!this.#isAsked) return
    this.#hasChanged = true
    if (this.#isPausing) return
    this.#isPausing = true
    // Not in the turn in which others wait for their commit.
    const soon = setImmediate(() => {
      this.#hasChanged = false
      void this.#stored.renew()
      this.#cancelPause = this.#after(storeEachMs, () => {
        this.#isPausing = false
        if (this.#hasChanged) this.changed()
      })
    })
    this.#cancelPause = () => clearImmediate(soon)
  }

  close(): void {
    this.#isAsked = false
    this.#cancelPause()
    this.#cancelDisks()
  }

  #awaitDisks(): void {
    this.#cancelDisks = this.#after(diskEachMs, () => {
      // A disk that hangs is not asked twice.
      void this.#disks.renew().then(() => {
        if (this.#isAsked) this.#awaitDisks()
      })
    })
  }
}

/**
 * The newest answer to a question that takes its time: who wants to know gets what is known, and only
 * the first has to ask.
 */
export class Kept<T> {
  readonly #ask: () => Promise<T>
  #known: Promise<T> | undefined

  constructor(ask: () => Promise<T>) {
    this.#ask = ask
  }

  /** Throws what asking throws. */
  get(): Promise<T> {
    this.#known ??= this.#asked()
    return this.#known
  }

  /** Asks again, if anybody ever wanted to know; until that is answered the answer before is given. */
  async renew(): Promise<void> {
    if (!this.#known) return
    const next = this.#asked()
    await next.then(
      () => (this.#known = next),
      () => {},
    )
  }

  /** Where asking fails nothing is known any more: the next asks himself, and is told what is wrong. */
  async #asked(): Promise<T> {
    try {
      return await this.#ask()
    } catch (error) {
      this.#known = undefined
      throw error
    }
  }
}

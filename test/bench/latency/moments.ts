/** When things happened, told to whoever asks, before or after. */
export class Moments {
  readonly #known = new Map<string, number>()
  readonly #asking = new Map<string, (at: number) => void>()

  happened(what: string, at: number): void {
    this.#known.set(what, at)
    this.#asking.get(what)?.(at)
  }

  at(what: string): Promise<number> {
    const known = this.#known.get(what)
    if (known !== undefined) return Promise.resolve(known)
    return new Promise((resolve) => this.#asking.set(what, resolve))
  }
}

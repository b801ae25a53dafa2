// Jobs of less than this may be sent ahead: the last of seven waits for less than a millisecond.
const shortMs = 0.125

/** A function that jobs call, by the number that threads know it under. */
export class JobFunction {
  readonly number: number
  readonly module: string
  readonly name: string
  #averageMs = Infinity

  constructor(number: number, module: string, name: string) {
    this.number = number
    this.module = module
    this.name = name
  }

  /** By experience; what was never run is not. */
  get isShort(): boolean {
    return this.#averageMs < shortMs
  }

  took(ms: number): void {
    this.#averageMs = this.#averageMs === Infinity ? ms : 0.8 * this.#averageMs + 0.2 * ms
  }
}

/**
 * Numbers the functions of jobs: a thread is told once where a function is, then its number is enough.
 * (Two file names with every job are a tenth of what a short one costs.)
 */
export class JobFunctions {
  readonly #known = new Map<string, Map<string, JobFunction>>()
  #count = 0

  of(module: string, name: string): JobFunction {
    let ofModule = this.#known.get(module)
    if (!ofModule) this.#known.set(module, (ofModule = new Map<string, JobFunction>()))
    let found = ofModule.get(name)
    if (!found) ofModule.set(name, (found = new JobFunction(this.#count++, module, name)))
    return found
  }
}

/** A function that jobs call, by the number that threads know it under. */
export type JobFunction = { number: number; module: string; name: string }

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
    if (!found) ofModule.set(name, (found = { number: this.#count++, module, name }))
    return found
  }
}

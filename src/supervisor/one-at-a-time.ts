import { SquadError } from './domain/error.ts'

/** Changes of agents, one at a time for each: who asks for another meanwhile is refused. */
export class OneAtATime {
  /** By name: what is under way. */
  readonly #doing = new Map<string, string>()

  /** `doing`: what it is, as in "is just being added". Throws SQUADD_CONFLICT. */
  async run<T>(id: string, doing: string, work: () => Promise<T>): Promise<T> {
    const other = this.#doing.get(id)
    if (other !== undefined)
      throw new SquadError('SQUADD_CONFLICT', `agent ${id} is just being ${other}`, {
        hint: 'try again when that is done',
      })
    this.#doing.set(id, doing)
    try {
      return await work()
    } finally {
      this.#doing.delete(id)
    }
  }
}

import type { SupervisedAgent } from './supervised-agent.ts'

/** Brings agents back after a start, a few at a time. */
export class Restoration {
  #waiting: SupervisedAgent[] = []
  /** By name: what tells those who wait that the agent has been taken up. */
  readonly #untaken = new Map<string, { promise: Promise<void>; resolve: () => void }>()

  /** Takes up every agent; the next one when one of `width` is ready, paused or failed. */
  async run(
    agents: readonly SupervisedAgent[],
    width: number,
    takeUp: (agent: SupervisedAgent) => Promise<void>,
  ): Promise<void> {
    this.#waiting = [...agents]
    for (const { id } of agents) {
      let resolve = () => {}
      this.#untaken.set(id, { promise: new Promise((done) => (resolve = done)), resolve })
    }
    const next = async (): Promise<void> => {
      const agent = this.#waiting.shift()
      if (!agent) return
      await takeUp(agent).catch(() => {})
      this.#taken(agent)
      await agent.untilReady().catch(() => {})
      return next()
    }
    await Promise.all(Array.from({ length: width }, next))
  }

  /** Resolves when it has been taken up, or will not be any more. */
  async until(id: string): Promise<void> {
    await this.#untaken.get(id)?.promise
  }

  /** Takes up no more agents. Resolves when none is just being taken up. */
  async stop(): Promise<void> {
    for (const agent of this.#waiting.splice(0)) this.#taken(agent)
    await Promise.all([...this.#untaken.values()].map(({ promise }) => promise))
  }

  #taken({ id }: SupervisedAgent): void {
    this.#untaken.get(id)?.resolve()
    this.#untaken.delete(id)
  }
}

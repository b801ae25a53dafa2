/** piscina's view of one of its workers. */
export type Face = { readonly id: number; readonly destroyed: boolean }

export type WorkerStatus = 'idle' | 'busy' | 'failed' | 'stopped'

/** What piscina takes for an abort signal; costs nothing, and a thread needs only one. */
export class KillSwitch {
  #listener: (() => void) | undefined
  once(_event: 'abort', listener: () => void): void {
    this.#listener = listener
  }
  off(): void {
    this.#listener = undefined
  }
  removeListener(): void {
    this.#listener = undefined
  }
  pull(): void {
    this.#listener?.()
  }
}

/** A worker thread from when it is up. */
export class Thread<J> {
  readonly id: number
  readonly face: Face
  readonly kill = new KillSwitch()
  readonly how = { signal: this.kill }
  status: WorkerStatus = 'idle'
  job: J | null = null
  /** Functions it has found, by number. */
  readonly known: true[] = []
  jobsProcessed = 0
  lastError: string | null = null
  /** When it last came up, took up a job or ended one, on the clock of `performance.now()`. */
  lastSeenAt = performance.now()

  constructor(face: Face) {
    this.id = face.id
    this.face = face
  }

  get isAlive(): boolean {
    return this.status === 'idle' || this.status === 'busy'
  }
}

import { MessageChannel, receiveMessageOnPort } from 'node:worker_threads'
import type { MessagePort, Transferable } from 'node:worker_threads'
import type { Answer, Job, ThreadOrder } from './job.ts'
import type { JobFunction } from './job-functions.ts'
import { cell, cellOf, makeCells, order, orderCells } from './line-cells.ts'
import type { Session } from './thread.ts'

/** piscina's view of one of its workers. */
export type Face = { readonly id: number; readonly destroyed: boolean }

export type WorkerStatus = 'idle' | 'busy' | 'failed' | 'stopped'

// The one that runs and those sent ahead; orders that were taken back are on their way for a while.
const mostJobs = 8
const roomy = orderCells - 2 * mostJobs

/** What can be sent to a thread. `orderNumber`: the how-manieth order of the thread it is. */
type Sendable = { readonly function: JobFunction; readonly job: Job; orderNumber: number }

/** A worker thread from when it is up, and the line to it. */
export class WorkerThread<J extends Sendable> {
  readonly id: number
  readonly face: Face
  status: WorkerStatus = 'idle'
  /** The one that runs, then those that were sent ahead. */
  readonly jobs: J[] = []
  /** Functions it has found, by number. */
  readonly known: true[] = []
  jobsProcessed = 0
  lastError: string | null = null
  /** When it last came up, took up a job or ended one, on the clock of `performance.now()`. */
  lastSeenAt = performance.now()
  /** What the thread is to have of the line. */
  readonly session: Session
  readonly #port: MessagePort
  readonly #cells = makeCells()
  #sent = 0
  #heard = 0

  /** `onAnswer`: something has come from this thread. */
  constructor(face: Face, onAnswer: (thread: WorkerThread<J>, answer: Answer) => void) {
    this.id = face.id
    this.face = face
    const { port1, port2 } = new MessageChannel()
    this.#port = port1
    this.session = { port: port2, cells: this.#cells }
    port1.on('message', (answer: Answer) => {
      this.#heard += 1
      onAnswer(this, answer)
    })
    port1.unref()
  }

  /** The line is far from full of orders that were taken back. */
  get hasRoom(): boolean {
    // Cells count modulo 2^32.
    return ((this.#sent - Atomics.load(this.#cells, cell.taken)) | 0) < roomy
  }

  /** Another short job may be sent ahead. */
  get mayHaveMore(): boolean {
    return this.status === 'busy' && this.jobs.length < mostJobs && this.hasRoom
  }

  /** Sends the order of a job. Throws what cannot be cloned or transferred; then it has not. */
  order(pending: J): void {
    const { number, module, name } = pending.function
    const { data, transfer, moveResult } = pending.job
    const isKnown = this.known[number]
    Atomics.store(this.#cells, cellOf(this.#sent), order.waits)
    if (isKnown && data === undefined && !moveResult) this.#port.postMessage(number)
    else {
      const full: ThreadOrder = { run: number, data }
      if (!isKnown) full.at = { module, name }
      if (moveResult) full.moves = true
      this.#port.postMessage(full, transfer as Transferable[] | undefined)
    }
    pending.orderNumber = this.#sent
    this.jobs.push(pending)
    this.#sent += 1
    Atomics.store(this.#cells, cell.sent, this.#sent)
    Atomics.notify(this.#cells, cell.sent, 1)
  }

  /** Takes back jobs that have not begun, the last first, while `may` says so. */
  takeBack(may: (job: J) => boolean): J[] {
    const back: J[] = []
    for (let last = this.jobs.at(-1); last && may(last); last = this.jobs.at(-1)) {
      const at = cellOf(last.orderNumber)
      if (Atomics.compareExchange(this.#cells, at, order.waits, order.takenBack) !== order.waits)
        break
      this.jobs.pop()
      back.push(last)
    }
    return back
  }

  /** An answer that has come but was not told of yet. */
  takeAnswer(): Answer | undefined {
    // Looked at for every answer of any thread: a cell is quicker to ask than a port.
    if (Atomics.load(this.#cells, cell.answered) === (this.#heard | 0)) return undefined
    return this.takeLastAnswer()
  }

  /** The same of a thread that has ended, in whatever it was interrupted. */
  takeLastAnswer(): Answer | undefined {
    const sent = receiveMessageOnPort(this.#port)
    if (!sent) return undefined
    this.#heard += 1
    return sent.message as Answer
  }

  hangUp(): void {
    this.#port.close()
  }
}

import { MessageChannel, receiveMessageOnPort } from 'node:worker_threads'
import type { MessagePort, Transferable } from 'node:worker_threads'
import type { Answer, Job, ThreadOrder } from './job.ts'
import type { JobFunction } from './job-functions.ts'
import type { Session } from './thread.ts'

/** piscina's view of one of its workers. */
export type Face = { readonly id: number; readonly destroyed: boolean }

export type WorkerStatus = 'idle' | 'busy' | 'failed' | 'stopped'

/** A worker thread from when it is up, and the line to it. */
export class WorkerThread<J> {
  readonly id: number
  readonly face: Face
  status: WorkerStatus = 'idle'
  job: J | null = null
  /** Functions it has found, by number. */
  readonly known: true[] = []
  jobsProcessed = 0
  lastError: string | null = null
  /** When it last came up, took up a job or ended one, on the clock of `performance.now()`. */
  lastSeenAt = performance.now()
  /** What the thread is to have of the line. */
  readonly session: Session
  readonly #port: MessagePort
  /** Orders sent, answers sent: written by both sides. */
  readonly #cells = new Int32Array(new SharedArrayBuffer(8))
  #answersSeen = 0

  /** `onAnswer`: something has come from this thread. */
  constructor(face: Face, onAnswer: (thread: WorkerThread<J>, answer: Answer) => void) {
    this.id = face.id
    this.face = face
    const { port1, port2 } = new MessageChannel()
    this.#port = port1
    this.session = { port: port2, cells: this.#cells }
    port1.on('message', (answer: Answer) => {
      this.#answersSeen += 1
      onAnswer(this, answer)
    })
    port1.unref()
  }

  /** Sends the order of a job. Throws what cannot be cloned or transferred. */
  order({ number, module, name }: JobFunction, { data, transfer, moveResult }: Job): void {
    const isKnown = this.known[number]
    if (isKnown && data === undefined && !moveResult) this.#port.postMessage(number)
    else {
      const order: ThreadOrder = { run: number, data }
      if (!isKnown) order.at = { module, name }
      if (moveResult) order.moves = true
      this.#port.postMessage(order, transfer as Transferable[] | undefined)
    }
    Atomics.add(this.#cells, 0, 1)
    Atomics.notify(this.#cells, 0, 1)
  }

  /** An answer that has come but was not told of yet. */
  takeAnswer(): Answer | undefined {
    // Looked at for every answer of any thread: a cell is quicker to ask than a port.
    if (Atomics.load(this.#cells, 1) === this.#answersSeen) return undefined
    return this.takeLastAnswer()
  }

  /** The same of a thread that has ended, in whatever it was interrupted. */
  takeLastAnswer(): Answer | undefined {
    const sent = receiveMessageOnPort(this.#port)
    if (!sent) return undefined
    this.#answersSeen += 1
    return sent.message as Answer
  }

  hangUp(): void {
    this.#port.close()
  }
}

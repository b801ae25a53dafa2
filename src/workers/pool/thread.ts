import { pathToFileURL } from 'node:url'
import { type MessagePort, receiveMessageOnPort } from 'node:worker_threads'
import { invalid, SquadError } from '../../supervisor/domain/error.ts'
import type { Answer, ThreadOrder } from './job.ts'
import { packError } from './job-error.ts'
import { cell, cellOf, order } from './line-cells.ts'

type Run = (data: unknown) => unknown

/** Where orders come from, and the cells that say which of them still count. */
export type Session = { port: MessagePort; cells: Int32Array }

const known: Run[] = []

/** What a thread is told first. From then on it does what comes through the port. */
export function serve(session: Session): void {
  // Not before piscina has its answer.
  setImmediate(() => void work(session))
}

async function work({ port, cells }: Session): Promise<never> {
  let taken = 0
  for (let seen = 0; ; seen = Atomics.load(cells, cell.sent)) {
    let sent = receiveMessageOnPort(port)
    if (!sent) {
      await flushed()
      // Asleep in the kernel it wakes sooner than in an event loop.
      Atomics.wait(cells, cell.sent, seen)
      continue
    }
    for (; sent; sent = receiveMessageOnPort(port)) {
      const place = cellOf(taken)
      const isWanted = Atomics.compareExchange(cells, place, order.waits, order.begun) === 0
      taken += 1
      Atomics.store(cells, cell.taken, taken)
      if (!isWanted) continue
      const message = sent.message as ThreadOrder | number
      const isBare = typeof message === 'number'
      const answer = await answerTo(isBare ? message : message.run, isBare ? undefined : message)
      send(port, answer, !isBare && message.moves === true)
      Atomics.add(cells, cell.answered, 1)
    }
  }
}

/** What a job has printed goes out before this thread sleeps. */
async function flushed(): Promise<void> {
  for (const stream of [process.stdout, process.stderr])
    if (stream.writableLength > 0) await new Promise<void>((done) => stream.write('', () => done()))
}

async function answerTo(number: number, full: ThreadOrder | undefined): Promise<Answer> {
  try {
    const run = known[number] ?? (known[number] = await find(full!.at!))
    return { value: await run(full?.data) }
  } catch (error) {
    return { thrown: packError(error) }
  }
}

function send(port: MessagePort, answer: Answer, moves: boolean): void {
  try {
    if (moves && 'value' in answer) port.postMessage(...handedOver(answer.value))
    else port.postMessage(answer)
  } catch (cause) {
    const problem = `the result cannot be copied: ${(cause as Error).message}`
    const data = { field: 'result', hint: 'return what structuredClone can copy' }
    port.postMessage({ thrown: packError(new SquadError('SQUADD_INVALID', problem, data)) })
  }
}

async function find({ module, name }: { module: string; name: string }): Promise<Run> {
  const url = module.startsWith('/') ? pathToFileURL(module).href : module
  const exported = ((await import(url)) as Record<string, unknown>)[name]
  if (typeof exported === 'function') return exported as Run
  throw invalid('export', name, 'is no function', `export one of that name from ${module}`)
}

/** A result with the memory that goes along with it. */
function handedOver(value: unknown): [Answer, ArrayBuffer[]] {
  if (value instanceof ArrayBuffer) return [{ value }, [value]]
  if (!ArrayBuffer.isView(value) || !(value.buffer instanceof ArrayBuffer)) return [{ value }, []]
  const { buffer, byteOffset, byteLength } = value
  if (byteLength === buffer.byteLength) return [{ value }, [buffer]]
  // A part of a larger buffer, such as a small Buffer: the rest is not ours to give away.
  const part = new Uint8Array(buffer.slice(byteOffset, byteOffset + byteLength))
  return [{ value: part }, [part.buffer]]
}

import { pathToFileURL } from 'node:url'
import { type MessagePort, receiveMessageOnPort } from 'node:worker_threads'
import { invalid, SquadError } from '../../supervisor/domain/error.ts'
import type { Answer, ThreadOrder } from './job.ts'
import { packError } from './job-error.ts'

type Run = (data: unknown) => unknown

/** Where orders come from. `cells`: how many were sent, how many were answered. */
export type Session = { port: MessagePort; cells: Int32Array }

const known: Run[] = []

/** What a thread is told first. From then on it does what comes through the port. */
export function serve(session: Session): void {
  // Not before piscina has its answer.
  setImmediate(() => void work(session))
}

async function work({ port, cells }: Session): Promise<never> {
  for (let seen = 0; ;) {
    // What a job has printed goes out before this thread sleeps.
    for (const stream of [process.stdout, process.stderr])
      if (stream.writableLength > 0)
        await new Promise<void>((done) => stream.write('', () => done()))
    // Asleep in the kernel it wakes sooner than in an event loop.
    Atomics.wait(cells, 0, seen)
    seen = Atomics.load(cells, 0)
    for (let sent = receiveMessageOnPort(port); sent; sent = receiveMessageOnPort(port)) {
      const order = sent.message as ThreadOrder | number
      const isShort = typeof order === 'number'
      const answer = await answerTo(isShort ? order : order.run, isShort ? undefined : order)
      send(port, answer, !isShort && order.moves === true)
      Atomics.add(cells, 1, 1)
    }
  }
}

async function answerTo(number: number, order: ThreadOrder | undefined): Promise<Answer> {
  try {
    const run = known[number] ?? (known[number] = await find(order!.at!))
    return { value: await run(order?.data) }
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

import { pathToFileURL } from 'node:url'
import { invalid } from '../../supervisor/domain/error.ts'
import { packError } from './job-error.ts'
import type { ThreadOrder } from './job.ts'

type Run = (data: unknown) => unknown

const known: Run[] = []

/** What a worker thread runs for each job. Everything a job throws arrives as it was thrown. */
export function runJob(order: ThreadOrder | number): unknown {
  if (typeof order === 'number') return call(known[order]!, undefined)
  const run = known[order.run]
  return run && !order.moves ? call(run, order.data) : findAndCall(order)
}

/** Not async itself: that would cost a job that is not two turns. */
function call(run: Run, data: unknown): unknown {
  try {
    const result = run(data)
    return isThenable(result) ? Promise.resolve(result).catch(rethrow) : result
  } catch (error) {
    throw packError(error)
  }
}

const isThenable = (value: unknown): boolean =>
  typeof (value as { then?: unknown } | null | undefined)?.then === 'function'

function rethrow(error: unknown): never {
  throw packError(error)
}

async function findAndCall({ run: number, data, at, moves }: ThreadOrder): Promise<unknown> {
  try {
    const run = known[number] ?? (await find(at!))
    known[number] = run
    const result = await run(data)
    return moves ? await moved(result) : result
  } catch (error) {
    throw packError(error)
  }
}

async function find({ module, name }: { module: string; name: string }): Promise<Run> {
  const url = module.startsWith('/') ? pathToFileURL(module).href : module
  const exported = ((await import(url)) as Record<string, unknown>)[name]
  if (typeof exported === 'function') return exported as Run
  throw invalid('export', name, 'is no function', `export one of that name from ${module}`)
}

/** Hands the memory of a result over instead of copying it. */
async function moved(result: unknown): Promise<unknown> {
  const isView = ArrayBuffer.isView(result)
  if (!isView && !(result instanceof ArrayBuffer)) return result
  // Loaded late: most threads do without it.
  const { move } = await import('piscina')
  if (!isView) return move(result)
  if (!(result.buffer instanceof ArrayBuffer)) return result
  // A part of a larger buffer, such as a small Buffer: the rest is not ours to give away.
  const { buffer, byteOffset, byteLength } = result
  const isWhole = byteLength === buffer.byteLength
  return move(isWhole ? result : new Uint8Array(buffer.slice(byteOffset, byteOffset + byteLength)))
}

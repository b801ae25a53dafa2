import { pathToFileURL } from 'node:url'
import { invalid } from '../../supervisor/domain/error.ts'
import { packError } from './job-error.ts'
import type { ThreadOrder } from './job.ts'

type Run = (data: unknown) => unknown

const found = new Map<string, Run>()

/** What a worker thread runs for each job. Everything a job throws arrives as it was thrown. */
export async function runJob({ module, name, data, moves }: ThreadOrder): Promise<unknown> {
  try {
    const run = found.get(`${name} ${module}`) ?? (await find(module, name))
    const result = await run(data)
    return moves ? moved(result) : result
  } catch (error) {
    throw packError(error)
  }
}

async function find(module: string, name: string): Promise<Run> {
  const url = module.startsWith('/') ? pathToFileURL(module).href : module
  const exported = ((await import(url)) as Record<string, unknown>)[name]
  if (typeof exported !== 'function')
    throw invalid('export', name, 'is no function', `export one of that name from ${module}`)
  found.set(`${name} ${module}`, exported as Run)
  return exported as Run
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

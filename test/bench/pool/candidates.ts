import { join } from 'node:path'
import { Piscina } from 'piscina'
import { WorkerPool } from '../../../src/index.ts'
import { peer } from '../peer.ts'

/** A pool of `threads` threads that runs a function of work.mjs. */
export type Candidate = {
  name: string
  run: (job: 'noop' | 'spin', data?: number) => Promise<unknown>
  close: () => Promise<unknown>
}

const place = (file: string): string => join(import.meta.dirname, file)
export const module = place('work.mjs')

export async function candidates(threads: number): Promise<Candidate[]> {
  return [
    ours(threads),
    piscina(threads),
    await tinypool(threads),
    await workerpool(threads),
    await poolifier(threads),
  ]
}

function ours(threads: number): Candidate {
  const pool = new WorkerPool({ maxWorkers: threads, idleTimeoutMs: 600_000 })
  void pool.start()
  return {
    name: 'squadd',
    run: (job, data) => pool.submit({ module, export: job, data }),
    close: () => pool.shutdown(),
  }
}

function piscina(threads: number): Candidate {
  const pool = new Piscina({ filename: module, minThreads: threads, maxThreads: threads })
  return {
    name: 'piscina',
    run: (job, data) => pool.run(data, { name: job }),
    close: () => pool.destroy(),
  }
}

async function tinypool(threads: number): Promise<Candidate> {
  type Pool = {
    run(data: unknown, how: { name: string }): Promise<unknown>
    destroy(): Promise<void>
  }
  const { Tinypool } = await peer<{ Tinypool: new (options: object) => Pool }>('tinypool')
  const pool = new Tinypool({ filename: module, minThreads: threads, maxThreads: threads })
  return {
    name: 'tinypool',
    run: (job, data) => pool.run(data, { name: job }),
    close: () => pool.destroy(),
  }
}

async function workerpool(threads: number): Promise<Candidate> {
  type Pool = {
    exec(name: string, args: unknown[]): Promise<unknown>
    terminate(): Promise<unknown>
  }
  const made = await peer<{ default: { pool(file: string, options: object): Pool } }>('workerpool')
  const options = { minWorkers: threads, maxWorkers: threads, workerType: 'thread' }
  const pool = made.default.pool(place('workerpool-thread.mjs'), options)
  return {
    name: 'workerpool',
    run: (job, data) => pool.exec(job, [data]),
    close: () => pool.terminate(),
  }
}

async function poolifier(threads: number): Promise<Candidate> {
  type Pool = {
    execute(data: unknown, name: string): Promise<unknown>
    destroy(): Promise<void>
  }
  type Made = { FixedThreadPool: new (threads: number, file: string, options: object) => Pool }
  const { FixedThreadPool } = await peer<Made>('poolifier')
  const pool = new FixedThreadPool(threads, place('poolifier-thread.mjs'), {})
  return {
    name: 'poolifier',
    run: (job, data) => pool.execute(data, job),
    close: () => pool.destroy(),
  }
}

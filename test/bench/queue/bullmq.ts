import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { peer } from '../peer.ts'
import type { QueueCandidate } from './candidate.ts'
import { prompt, result } from './candidate.ts'
import { serve } from './server.ts'

type Next = readonly [data?: unknown, id?: string]
type Job = { moveToCompleted(value: unknown, token: string, next: boolean): Promise<Next> }
type Bull = {
  Queue: new (
    name: string,
    options: object,
  ) => {
    add(name: string, data: unknown): Promise<unknown>
    addBulk(jobs: { name: string; data: unknown }[]): Promise<unknown>
    close(): Promise<void>
  }
  Worker: new (
    name: string,
    process: null,
    options: object,
  ) => {
    getNextJob(token: string): Promise<Job>
    nextJobFromJobData(data: unknown, id: string | undefined, token: string): Promise<Job>
    close(): Promise<void>
  }
}
type Redis = { Redis: new (options: object) => { disconnect(): void } }

const data = { prompt }

/** BullMQ on a Redis that syncs its log before each answer: as durable as squadd. */
export async function bullmq(dir: string): Promise<QueueCandidate> {
  const socket = join(dir, 'redis.sock')
  const argv = ['--port', '0', '--unixsocket', socket, '--dir', dir, '--save', '']
  const durable = ['--appendonly', 'yes', '--appendfsync', 'always']
  const server = await serve('redis-server', [...argv, ...durable], {}, async () =>
    existsSync(socket),
  )
  const { Redis } = await peer<Redis>('ioredis')
  const { Queue, Worker } = await peer<Bull>('bullmq')
  const connect = () => new Redis({ path: socket, maxRetriesPerRequest: null })
  const connections = [connect(), connect()]
  const queue = new Queue('bench', { connection: connections[0] })
  const worker = new Worker('bench', null, { connection: connections[1], autorun: false })
  const batch = 1000
  const token = 'bench'
  const held: Job[] = []
  return {
    name: 'BullMQ',
    async fill(count) {
      for (let left = count; left > 0; left -= batch)
        await queue.addBulk(
          Array.from({ length: Math.min(left, batch) }, () => ({ name: 'task', data })),
        )
    },
    add: () => queue.add('task', data),
    take: () => worker.getNextJob(token),
    done: (job) => (job as Job).moveToCompleted(result, token, false),
    // Its workers have the next job from the answer to the completion of the last.
    async pass() {
      const job = held.pop() ?? (await worker.getNextJob(token))
      await queue.add('task', data)
      const [next, id] = await job.moveToCompleted(result, token, true)
      held.push(await worker.nextJobFromJobData(next, id, token))
    },
    async close() {
      await worker.close()
      await queue.close()
      for (const connection of connections) connection.disconnect()
      await server.close()
    },
  }
}

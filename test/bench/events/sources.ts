import { fork } from 'node:child_process'
import { once } from 'node:events'
import { request } from 'node:http'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import type { BenchSquad } from '../squad.ts'

/** A server that sends events. */
export type Source = {
  name: string
  pid: number
  socket: string
  /** Makes so many happen at once; resolves with its answer. */
  happen(count: number): Promise<unknown>
}

/** squadd: an event is a task that was stored. Nobody is there to run it. */
export const squaddSource = (squad: BenchSquad): Source => ({
  name: 'squadd',
  pid: squad.daemonPid,
  socket: squad.socket,
  happen: (count) => squad.addAll(Array.from({ length: count }, () => ({ prompt: 'later' }))),
})

export async function betterSse(dir: string): Promise<Source & AsyncDisposable> {
  const socket = join(dir, 'better-sse.sock')
  const child = fork(join(import.meta.dirname, 'better-sse.mjs'), [socket])
  await once(child, 'message')
  return {
    name: 'better-sse',
    pid: child.pid!,
    socket,
    async happen(count) {
      const sent = request({ socketPath: socket, path: '/', method: 'POST' })
      sent.end(String(count))
      const [response] = (await once(sent, 'response')) as [NodeJS.ReadableStream]
      await text(response)
    },
    async [Symbol.asyncDispose]() {
      child.kill()
      await once(child, 'exit')
    },
  }
}

/** So many subscribers of a source, in a process of their own. */
export async function subscribe({ socket }: Source, count: number) {
  const argv = [socket, '/v1/events', String(count)]
  const child = fork(join(import.meta.dirname, 'clients.mjs'), argv)
  await once(child, 'message')
  return {
    /** Resolves when each has had so many events more. */
    async have(events: number): Promise<void> {
      const had = once(child, 'message')
      child.send(events)
      await had
    },
    async [Symbol.asyncDispose]() {
      child.kill()
      await once(child, 'exit')
    },
  }
}

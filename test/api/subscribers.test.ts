import { fork } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { EventEmitter, once } from 'node:events'
import { connect as dial } from 'node:net'
import { join, resolve } from 'node:path'
import t from 'tap'
import { connect } from '../../src/supervisor/api/client.ts'
import { scratch } from '../support/api.ts'

const fixture = resolve(import.meta.dirname, '../fixtures/event-server.ts')

/** The numbers of a subscriber's events as they come, up to `stopAfter`; then it is gone. */
function follow(socket: string, since: number, stopAfter: number) {
  const client = connect({ socket })
  const seen: number[] = []
  const news = new EventEmitter()
  const reading = (async () => {
    for await (const { seq } of client.events({ since })) {
      seen.push(seq)
      news.emit('event')
      if (seq >= stopAfter) break
    }
    client.close()
  })()
  const reached = async (seq: number) => {
    while ((seen.at(-1) ?? 0) < seq) await once(news, 'event')
  }
  return { seen, reading, reached }
}

async function serve(t: { teardown(end: () => unknown): void }) {
  const dir = scratch(t)
  const socket = join(dir, 'events.sock')
  const { NODE_OPTIONS: _, ...env } = process.env
  const server = fork(fixture, [socket, join(dir, 'store.db')], {
    env,
    execArgv: ['--expose-gc', '--disable-warning=ExperimentalWarning'],
  })
  t.teardown(async () => {
    server.disconnect()
    await once(server, 'exit')
  })
  await once(server, 'message')
  return { socket, server }
}

async function answer<T>(server: ChildProcess, question: object): Promise<T> {
  server.send(question)
  const [reply] = (await once(server, 'message')) as [T]
  return reply
}

const bytesOf = async (server: ChildProcess) =>
  (await answer<{ bytes: number }>(server, { measure: true })).bytes

t.test(
  'of 100 subscribers one never reads: it costs little, the others get all, and so does it later',
  async (t) => {
    const { socket, server } = await serve(t)
    const total = 6_000
    const third = Math.floor(total / 3)
    // These go away after a third of the events, and come back with the last number they have.
    const leaving = Array.from({ length: 9 }, () => follow(socket, 0, third))
    const staying = Array.from({ length: 90 }, () => follow(socket, 0, total))
    await answer(server, { emit: total / 2 })
    await Promise.all(leaving.map(({ reading }) => reading))
    await Promise.all(staying.map(({ reached }) => reached(total / 2)))
    const before = await bytesOf(server)

    // It asks, and never takes a byte.
    const stuck = dial(socket)
    t.teardown(() => stuck.destroy())
    stuck.pause()
    stuck.write('GET /v1/events?since=0 HTTP/1.1\r\nhost: x\r\n\r\n')
    await answer(server, { emit: total / 2 })
    await Promise.all(staying.map(({ reading }) => reading))
    const after = await bytesOf(server)

    const all = Array.from({ length: total }, (_, i) => i + 1)
    for (const { seen } of staying) t.strictSame(seen, all, 'every event, once and in order')
    const back = leaving.map(({ seen }) => follow(socket, seen.at(-1)!, total))
    await Promise.all(back.map(({ reading }) => reading))
    for (const [i, { seen }] of back.entries())
      t.strictSame([...leaving[i]!.seen, ...seen], all, 'nothing lost, nothing twice')

    t.comment(`the server's memory grew by ${after - before} bytes over ${total * 1000} bytes`)
    t.ok(after - before < total * 500, `${after - before} bytes for the one that never reads`)

    const taken: number[] = []
    let rest = ''
    stuck.resume()
    for await (const chunk of stuck) {
      const lines = (rest + String(chunk)).split('\n')
      rest = lines.pop()!
      for (const line of lines) if (line.startsWith('id: ')) taken.push(Number(line.slice(4)))
      if (taken.at(-1) === total) break
    }
    t.strictSame(taken, all, 'what it had not read was not lost')
  },
)

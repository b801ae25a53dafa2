import { once } from 'node:events'
import { createServer as createHttp } from 'node:http'
import type { RequestListener } from 'node:http'
import { connect as dial } from 'node:net'
import type { Socket } from 'node:net'
import { join } from 'node:path'
import fc from 'fast-check'
import t from 'tap'
import { connect } from '../../src/supervisor/api/client.ts'
import { readEvents } from '../../src/supervisor/api/event-reader.ts'
import { sendEvents } from '../../src/supervisor/api/events.ts'
import type { SquadEvent } from '../../src/supervisor/domain/event.ts'
import { ask, makeServer, openApi, scratch } from '../support/api.ts'
import { silentMeter } from '../support/silent-meter.ts'
import { FakeSquad } from '../support/fake-squad.ts'

const event = (seq: number, text = ''): SquadEvent => ({
  seq,
  at: 1,
  type: 'SystemMetrics',
  data: { text },
})

const numbers = (events: SquadEvent[]): number[] => events.map(({ seq }) => seq)

async function take(events: AsyncIterator<SquadEvent>, count: number): Promise<SquadEvent[]> {
  const taken: SquadEvent[] = []
  while (taken.length < count) {
    const { value, done } = await events.next()
    if (done) throw new Error(`ended after ${taken.length}`)
    taken.push(value)
  }
  return taken
}

/** A server of any kind on a Unix socket. */
async function serve(t: { teardown(end: () => unknown): void }, handler: RequestListener) {
  const socket = join(scratch(t), 'any.sock')
  const server = createHttp(handler).listen(socket)
  await once(server, 'listening')
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  return { socket, server }
}

t.test('an event is sent with its number, its type and itself', async (t) => {
  const { squad, socket } = await openApi(t)
  squad.emit({ type: 'AgentAdded', agentId: 'a1', data: { branch: 'squadd/a1\n\nid: 9' } })
  const path = '/v1/events?since=0&follow=false'
  const { status, headers, text } = await ask({ socketPath: socket }, 'GET', path)
  t.equal(status, 200)
  t.match(headers, { 'content-type': 'text/event-stream; charset=utf-8' })
  const [, id, type, data] = /^id: (\d+)\nevent: (\w+)\ndata: (.*)\n\n$/m.exec(text) ?? []
  t.same([id, type], ['1', 'AgentAdded'])
  t.same(JSON.parse(data ?? ''), squad.log[0])
})

t.test('a subscriber goes on after the last event it names', async (t) => {
  const { client, squad, socket } = await openApi(t)
  for (let i = 0; i < 5; i++) squad.emit({ type: 'SystemMetrics' })
  const past = await ask({ socketPath: socket }, 'GET', '/v1/events?follow=false&since=0', {
    headers: { 'last-event-id': '3' },
  })
  t.same(
    [...past.text.matchAll(/^id: (\d+)$/gm)].map(([, id]) => id),
    ['4', '5'],
  )
  const bad = { headers: { 'last-event-id': 'x' } }
  t.equal((await ask({ socketPath: socket }, 'GET', '/v1/events', bad)).status, 400)

  const since = await take(client.events({ since: 2, follow: false }), 3)
  t.same(numbers(since), [3, 4, 5])
  const now = client.events({ follow: true })
  const first = now.next()
  await squad.readers(1)
  squad.emit({ type: 'AgentAdded' })
  t.equal((await first).value.seq, 6, 'without a number: from now on')
  await now.return?.(undefined)
  await squad.readers(0)
})

t.test('a subscriber that goes away leaves nothing behind', async (t) => {
  const { client, squad } = await openApi(t)
  const away = new AbortController()
  const heard = client.events({ signal: away.signal })
  const next = heard.next()
  await squad.readers(1)
  away.abort()
  t.equal((await next).done, true)
  await squad.readers(0)
})

t.test('there is a limit to subscribers, and it counts only those who are there', async (t) => {
  const { client, squad, socket } = await openApi(t, { maxSubscribers: 1 })
  const first = client.events()
  const next = first.next()
  await squad.readers(1)
  const { status, text } = await ask({ socketPath: socket }, 'GET', '/v1/events?follow=false')
  t.equal(status, 503)
  t.equal(JSON.parse(text).error.code, 'SQUADD_BUSY')
  squad.emit({ type: 'SystemMetrics' })
  await next
  await first.return?.(undefined)
  await squad.readers(0)
  t.equal((await ask({ socketPath: socket }, 'GET', '/v1/events?follow=false')).status, 200)
})

t.test('a connection with nothing to say gives a sign of life', async (t) => {
  const { socket } = await openApi(t, { pace: { heartbeatMs: 5, stallMs: 1000 } })
  const raw = dial(socket)
  t.teardown(() => raw.destroy())
  raw.write('GET /v1/events HTTP/1.1\r\nhost: x\r\n\r\n')
  let text = ''
  for await (const chunk of raw) {
    text += String(chunk)
    if ((text.match(/^:$/gm) ?? []).length >= 2) break
  }
  t.match(text, /text\/event-stream/)
})

t.test('events that come together leave together', async (t) => {
  const source = async function* () {
    for (let seq = 1; seq <= 200; seq++) yield [event(seq)]
  }
  let writes = 0
  const { socket, server } = await serve(t, (_request, response) => {
    const pace = { heartbeatMs: 1000, stallMs: 1000 }
    void sendEvents(source(), response, new AbortController().signal, pace)
  })
  server.on('connection', (one: Socket) => {
    const write = one._write.bind(one)
    const writev = one._writev?.bind(one)
    one._write = (...args) => ((writes += 1), write(...args))
    one._writev = (...args) => ((writes += 1), writev?.(...args))
  })
  const { text } = await ask({ socketPath: socket }, 'GET', '/')
  t.equal([...text.matchAll(/^id: /gm)].length, 200)
  t.ok(writes <= 5, `${writes} writes for 200 events`)
})

t.test('a client that does not read costs a bounded buffer, then its connection', async (t) => {
  const size = 1000
  let pulled = 0
  let ended: () => void = () => {}
  const over = new Promise<void>((resolve) => (ended = resolve))
  const drops: string[] = []
  const meter = { ...silentMeter, subscriberDropped: (reason: string) => drops.push(reason) }
  const pace = { heartbeatMs: 5, stallMs: 200 }
  const { squad, socket } = await openApi(t, { pace, meter })
  squad.events = async function* (how) {
    try {
      while (!how?.signal?.aborted) yield [event((pulled += 1), 'x'.repeat(size))]
    } finally {
      ended()
    }
  }
  const raw = dial(socket)
  t.teardown(() => raw.destroy())
  raw.pause()
  raw.write('GET /v1/events HTTP/1.1\r\nhost: x\r\n\r\n')
  await over
  t.ok(pulled > 10, 'it was served as long as there was room')
  t.ok(pulled * size < 2_000_000, `${pulled * size} bytes were asked for`)
  raw.resume()
  await once(raw, 'close')
  t.same(drops, ['stalled'])
})

t.test('a client goes on over a restart of the daemon: nothing lost, nothing twice', async (t) => {
  const path = join(scratch(t), 'squadd.sock')
  const squad = new FakeSquad()
  const client = connect({ socket: path })
  t.teardown(() => client.close())
  let server = makeServer(squad).server
  await server.listenUnix(path)
  squad.emit({ type: 'SystemMetrics' })
  const heard = client.events({ since: 0, follow: true })
  const all = await take(heard, 1)
  for (let round = 0; round < 3; round++) {
    await server.close()
    squad.emit({ type: 'DaemonStopped' })
    server = makeServer(squad).server
    await server.listenUnix(path)
    squad.emit({ type: 'DaemonStarted' })
    all.push(...(await take(heard, 2)))
  }
  t.same(numbers(all), [1, 2, 3, 4, 5, 6, 7])
  await server.close()
  await t.rejects(client.events().next(), { code: 'SQUADD_NOT_RUNNING' }, 'the first time, at once')
})

t.test('a client waits for a lost daemon only as long as it is told', async (t) => {
  const path = join(scratch(t), 'squadd.sock')
  const { server, squad } = makeServer()
  await server.listenUnix(path)
  squad.emit({ type: 'SystemMetrics' })
  const client = connect({ socket: path })
  const heard = client.events({ since: 0, follow: true, patienceMs: 60 })
  await take(heard, 1)
  await server.close()
  await t.rejects(heard.next(), { code: 'SQUADD_NOT_RUNNING' })
  client.close()
})

t.test('closing a client fails what is pending', async (t) => {
  const { client, squad } = await openApi(t)
  await client.call('tasks.add', { prompt: 'x' })
  const pending = t.rejects(client.call('tasks.wait', { id: 't1' }), { code: 'SQUADD_NOT_RUNNING' })
  await squad.readers(1)
  client.close()
  await pending
  await squad.readers(0)
  await t.rejects(client.call('status', {}), { message: /closed/ })
})

t.test('a kept connection that has died is replaced, but only for reading', async (t) => {
  let served = 0
  const { socket } = await serve(t, (request, response) => {
    served += 1
    if (served % 2 === 0) request.socket.destroy()
    else response.end('{"ok":true}')
  })
  const client = connect({ socket })
  t.teardown(() => client.close())
  t.same(await client.call('healthz', {}), { ok: true })
  t.same(await client.call('healthz', {}), { ok: true })
  t.equal(served, 3)
  await t.rejects(client.call('reload', {}), {
    code: 'SQUADD_NOT_RUNNING',
    message: /look whether it was done/,
  })
  t.equal(served, 4)
})

t.test('an answer that does not come, or is none of ours, is an error', async (t) => {
  const { socket } = await serve(t, (request, response) => {
    if (request.url === '/metrics') return
    response.writeHead(request.url === '/healthz' ? 502 : 404).end('<html>')
  })
  const client = connect({ socket })
  t.teardown(() => client.close())
  await t.rejects(client.call('metrics', {}, { timeoutMs: 20 }), { code: 'SQUADD_TIMEOUT' })
  await t.rejects(client.call('healthz', {}), { code: 'SQUADD_INTERNAL', message: /502/ })
})

t.test('events are read the same however the stream is cut', async () => {
  const words = fc.array(fc.string({ unit: 'binary' }), { maxLength: 5 })
  const cuts = fc.array(fc.nat(400), { maxLength: 20 })
  await fc.assert(
    fc.asyncProperty(words, cuts, async (texts, places) => {
      const sent = texts.map((text, i) => event(i + 1, text))
      const frames = sent.map(
        (one) => `id: ${one.seq}\nevent: ${one.type}\ndata: ${JSON.stringify(one)}\n\n`,
      )
      const bytes = Buffer.from(`retry: 1000\n\n${frames.join(':\n\n')}`)
      const ends = [...new Set([...places, bytes.length])].sort((a, b) => a - b)
      const chunks = async function* () {
        let from = 0
        for (const end of ends) yield bytes.subarray(from, (from = end))
      }
      const read: SquadEvent[] = []
      for await (const one of readEvents(chunks())) read.push(one)
      return JSON.stringify(read) === JSON.stringify(sent)
    }),
  )
})

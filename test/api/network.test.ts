import { once } from 'node:events'
import {
  existsSync,
  lstatSync,
  mkdirSync,
  renameSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { Agent, request } from 'node:http'
import type { IncomingMessage } from 'node:http'
import { connect as dial, createServer as createTcp } from 'node:net'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import t from 'tap'
import { connect } from '../../src/supervisor/api/client.ts'
import { endpoints } from '../../src/supervisor/api/endpoints.ts'
import { allowedHosts } from '../../src/supervisor/api/guard.ts'
import { ensureToken } from '../../src/supervisor/api/token.ts'
import { ask, makeServer, openApi, scratch } from '../support/api.ts'

const token = 'a'.repeat(64)
const authorization = `Bearer ${token}`

async function openTcp(t: { teardown(end: () => unknown): void }) {
  const made = makeServer(undefined, { token })
  const place = await made.server.listenTcp('127.0.0.1', 0)
  t.teardown(() => made.server.close())
  return { ...made, place }
}

t.test('TCP serves every endpoint to who has the token, and none to others', async (t) => {
  const { place, squad } = await openTcp(t)
  const client = connect({ ...place, token })
  t.equal((await client.call('status', {})).pid, process.pid)
  await client.call('agents.add', { id: 'a1', repo: '/repo' })
  await client.call('agents.remove', { id: 'a1' })
  squad.emit({ type: 'SystemMetrics' })
  t.equal((await client.events({ since: 0 }).next()).value.seq, 1)
  client.close()
  for (const { method, path } of Object.values(endpoints)) {
    const headers = { 'content-type': 'application/json' }
    const { status } = await ask(place, method, path.replace(':id', 't1'), { headers })
    t.equal(status, 401, `${method} ${path}`)
  }
  for (const given of [
    '',
    'Bearer',
    `Basic ${token}`,
    `Bearer ${token}a`,
    `Bearer ${'b'.repeat(64)}`,
  ])
    t.match(
      await ask(place, 'GET', '/v1/status', { headers: { authorization: given } }),
      { status: 401, headers: { 'www-authenticate': 'Bearer' } },
      given,
    )
  t.equal((await ask(place, 'GET', `/v1/status?token=${token}`)).status, 401, 'never in an address')
})

t.test('only the hosts that it is known by are served', async (t) => {
  const { place } = await openTcp(t)
  const { port } = place
  const good = [`127.0.0.1:${port}`, `localhost:${port}`, `LOCALHOST:${port}`, `[::1]:${port}`]
  const bad = [
    'localhost',
    '127.0.0.1',
    `127.0.0.1:${port + 1}`,
    `127.0.0.1:0${port}`,
    `127.0.0.1:${port} `.trim() + '.',
    `evil.test:${port}`,
    `localhost.evil.test:${port}`,
    `localhost.:${port}`,
    `127.0.0.1.:${port}`,
    `127.0.0.1.nip.io:${port}`,
    `[::ffff:7f00:1]:${port}`,
    `[::ffff:127.0.0.1]:${port}`,
    `[0:0:0:0:0:0:0:1]:${port}`,
    `::1:${port}`,
    `0.0.0.0:${port}`,
    `0:${port}`,
    `127.1:${port}`,
    `2130706433:${port}`,
    `0x7f000001:${port}`,
    `user@127.0.0.1:${port}`,
    `127.0.0.1:${port}@evil.test`,
    `http://127.0.0.1:${port}`,
    `127.0.0.1:${port}/`,
    `127.0.0.1:${port}#`,
    `127.0.0.1,localhost:${port}`,
    `lоcalhost:${port}`.replace('о', '%D0%BE'),
  ]
  for (const host of good) {
    const headers = { host, authorization }
    t.equal((await ask(place, 'GET', '/v1/status', { headers })).status, 200, host)
  }
  for (const host of bad) {
    const headers = { host, authorization }
    t.equal((await ask(place, 'GET', '/v1/status', { headers })).status, 421, host)
  }
  const head = `authorization: ${authorization}\r\nconnection: close\r\n\r\n`
  const empty = `GET /v1/status HTTP/1.1\r\nhost: \r\n${head}`
  t.match(await speak(port, empty), /^HTTP\/1\.1 4(00|21) /, 'an empty host')
  const own = `host: 127.0.0.1:${port}\r\n`
  const twice = await speak(port, `GET /v1/status HTTP/1.1\r\n${own}host: evil.test\r\n${head}`)
  t.match(twice, /^HTTP\/1\.1 4(00|21) /, 'two hosts')
  t.match(await speak(port, `GET /v1/status HTTP/1.1\r\n${head}`), /^HTTP\/1\.1 400 /, 'no host')
  t.match(await speak(port, `GET /v1/status HTTP/1.0\r\n${head}`), /^HTTP\/1\.1 421 /, 'HTTP/1.0')
  const absolute = `GET http://evil.test/v1/status HTTP/1.1\r\nhost: evil.test\r\n${head}`
  t.match(await speak(port, absolute), /^HTTP\/1\.1 421 /, 'a proxy request')
})

/** What comes back for exactly these bytes. */
async function speak(port: number, bytes: string): Promise<string> {
  const socket = dial(port, '127.0.0.1')
  socket.end(bytes)
  return text(socket)
}

t.test('a host that was named to listen on is known, a wildcard is not', (t) => {
  t.ok(allowedHosts('Squad.lan', 7000).has('squad.lan:7000'))
  t.ok(allowedHosts('fd00::1', 7000).has('[fd00::1]:7000'))
  t.notOk(allowedHosts('0.0.0.0', 7000).has('0.0.0.0:7000'))
  t.notOk(allowedHosts('::', 7000).has('[::]:7000'))
  t.ok(allowedHosts('127.0.0.1', 80).has('localhost'), 'port 80 may go without saying')
  t.notOk(allowedHosts('127.0.0.1', 7000).has('localhost'))
  t.end()
})

t.test('web pages are refused, whatever else they bring, in this order', async (t) => {
  const { place } = await openTcp(t)
  const host = 'evil.test'
  const origin = 'http://evil.test'
  const cases: [headers: Record<string, string>, status: number][] = [
    [{ host, origin }, 421],
    [{ origin }, 403],
    [{ origin, authorization }, 403],
    [{ origin: 'null', authorization }, 403],
    [{ origin: `http://127.0.0.1:${place.port}`, authorization }, 403],
    [{ 'sec-fetch-site': 'cross-site' }, 403],
    [{ 'sec-fetch-site': 'cross-site', authorization }, 403],
    [{}, 401],
    [{ authorization }, 415],
    [{ authorization, 'content-type': 'text/plain' }, 415],
    [{ authorization, 'content-type': 'application/x-www-form-urlencoded' }, 415],
    [{ authorization, 'content-type': 'application/jsonp' }, 415],
    [{ authorization, 'content-type': 'application/json' }, 201],
    [{ authorization, 'content-type': 'Application/JSON; charset=utf-8' }, 201],
    [{ authorization, 'content-type': 'application/json', 'sec-fetch-site': 'none' }, 201],
  ]
  for (const [headers, expected] of cases) {
    const answer = await ask(place, 'POST', '/v1/tasks', { headers, body: '{"prompt":"x"}' })
    t.equal(answer.status, expected, JSON.stringify(headers))
    t.notOk('access-control-allow-origin' in answer.headers, 'nobody is told otherwise')
    t.match(answer.headers, { 'x-content-type-options': 'nosniff', 'cache-control': 'no-store' })
  }
  const paths = ['/v1/events', '/metrics', '/nowhere', '/v1/x/../status', '/%', '/v1/status?%']
  for (const path of paths) {
    const headers = { host, authorization }
    t.equal((await ask(place, 'GET', path, { headers })).status, 421, 'before any routing')
  }
})

t.test('TCP without a token, or where it cannot listen, is a bad configuration', async (t) => {
  const { server } = makeServer()
  await t.rejects(server.listenTcp('127.0.0.1', 0), { code: 'SQUADD_BAD_CONFIG' })
  const other = createTcp().listen(0, '127.0.0.1')
  await once(other, 'listening')
  t.teardown(() => other.close())
  const { port } = other.address() as { port: number }
  const busy = makeServer(undefined, { token }).server
  await t.rejects(busy.listenTcp('127.0.0.1', port), {
    code: 'SQUADD_BAD_CONFIG',
    message: new RegExp(`127.0.0.1:${port}`),
  })
  await busy.close()
})

t.test('the token is made once, and only for its owner', (t) => {
  const file = join(scratch(t), 'token')
  const made = ensureToken(file)
  t.match(made, /^[0-9a-f]{64}$/)
  t.equal(statSync(file).mode & 0o777, 0o600)
  t.equal(ensureToken(file), made)
  const open = join(scratch(t), 'token')
  writeFileSync(open, made, { mode: 0o644 })
  t.throws(() => ensureToken(open), { code: 'SQUADD_BAD_CONFIG' })
  const link = join(scratch(t), 'token')
  symlinkSync(file, link)
  t.throws(() => ensureToken(link), { code: 'SQUADD_BAD_CONFIG' })
  const empty = join(scratch(t), 'token')
  writeFileSync(empty, '', { mode: 0o600 })
  t.match(ensureToken(empty), /^[0-9a-f]{64}$/, 'what a power cut left is made anew')
  writeFileSync(empty, 'no token')
  t.throws(() => ensureToken(empty), { code: 'SQUADD_BAD_CONFIG', message: /delete it/ })
  t.end()
})

t.test('the socket is for its owner alone', async (t) => {
  const before = process.umask(0)
  t.teardown(() => process.umask(before))
  const { socket } = await openApi(t)
  t.equal(lstatSync(socket).mode & 0o777, 0o600)
  t.equal(process.umask(), 0, 'the umask is as it was')
  t.notOk(existsSync(join(socket, '../.squadd.sock')), 'nothing else is left there')
})

t.test('a dead daemon’s socket is replaced, anything else is not touched', async (t) => {
  const dir = scratch(t)
  const path = join(dir, 'squadd.sock')
  const dead = makeServer()
  await dead.server.listenUnix(path)
  const kept = join(dir, 'kept.sock')
  renameSync(path, kept)
  await dead.server.close()
  renameSync(kept, path)
  t.ok(lstatSync(path).isSocket(), 'a socket that nobody listens to')
  const { server } = makeServer()
  await server.listenUnix(path)
  const client = connect({ socket: path })
  t.equal((await client.call('status', {})).pid, process.pid)
  client.close()
  await server.close()
  t.notOk(existsSync(path), 'it goes with its server')

  const obstacles: [name: string, make: (path: string) => void][] = [
    ['a file', (path) => writeFileSync(path, 'mine')],
    ['a folder', (path) => mkdirSync(path)],
    ['a link', (path) => symlinkSync('/nowhere', path)],
    ['a link to a socket', (path) => symlinkSync(kept, path)],
  ]
  for (const [name, make] of obstacles) {
    const obstacle = join(scratch(t), 'squadd.sock')
    make(obstacle)
    const { server } = makeServer()
    await t.rejects(
      server.listenUnix(obstacle),
      { code: 'SQUADD_BAD_CONFIG', message: new RegExp(obstacle) },
      name,
    )
    await server.close()
    t.ok(lstatSync(obstacle), `${name} is still there`)
  }
})

t.test('a server that closes leaves the socket of its successor alone', async (t) => {
  const path = join(scratch(t), 'squadd.sock')
  const [first, second] = [makeServer().server, makeServer().server]
  await first.listenUnix(path)
  await second.listenUnix(path)
  await first.close()
  const client = connect({ socket: path })
  t.equal((await client.call('status', {})).pid, process.pid)
  client.close()
  await second.close()
  t.notOk(existsSync(path))
})

t.test('closing waits for nobody who only listens or idles', async (t) => {
  const path = join(scratch(t), 'squadd.sock')
  const { server, squad } = makeServer(undefined, { closeGraceMs: 60_000 })
  await server.listenUnix(path)
  const client = connect({ socket: path })
  await client.call('tasks.add', { prompt: 'x' })
  const waiting = t.rejects(client.call('tasks.wait', { id: 't1' }), {
    code: 'SQUADD_SHUTTING_DOWN',
  })
  const heard = client.events({ since: 0, follow: true, patienceMs: 0 })
  t.equal((await heard.next()).value.type, 'TaskSubmitted')
  const idle = new Agent({ keepAlive: true })
  const sent = request({ socketPath: path, path: '/healthz', agent: idle }).end()
  const [answer] = (await once(sent, 'response')) as [IncomingMessage]
  await text(answer)
  await squad.readers(2)
  squad.emit({ type: 'DaemonStopped' })
  await server.close()
  t.equal((await heard.next()).value.type, 'DaemonStopped', 'the last words are still heard')
  await waiting
  await squad.readers(0)
  await t.rejects(heard.next(), { code: 'SQUADD_NOT_RUNNING' })
  await t.rejects(client.call('status', {}), {
    code: 'SQUADD_NOT_RUNNING',
    message: /squadd start/,
  })
  client.close()
  idle.destroy()
})

t.test('a reply that is under way is not cut off; one that never comes is', async (t) => {
  const path = join(scratch(t), 'squadd.sock')
  let answer: (text: string) => void = () => {}
  const { server, squad } = makeServer(undefined, { closeGraceMs: 50 })
  const asked = new Promise<void>((resolve) => {
    squad.agentScreen = (id) => {
      if (id === 'slow') resolve()
      return new Promise((done) => id === 'slow' && (answer = done))
    }
  })
  await server.listenUnix(path)
  const client = connect({ socket: path })
  const stuck = t.rejects(client.call('agents.screen', { id: 'stuck' }), {
    code: 'SQUADD_NOT_RUNNING',
  })
  const slow = client.call('agents.screen', { id: 'slow' })
  await asked
  const closed = server.close()
  answer('here')
  t.equal(await slow, 'here')
  await closed
  await stuck
  client.close()
})

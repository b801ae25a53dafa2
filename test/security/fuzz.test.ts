import { request, Agent } from 'node:http'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import type { Test } from 'tap'
import t from 'tap'
import { endpoints } from '../../src/supervisor/api/endpoints.ts'
import { routes } from '../../src/supervisor/api/routes.ts'
import { failure } from '../../src/supervisor/api/schemas.ts'
import { assemble } from '../../src/supervisor/assembly.ts'
import { defaults } from '../../src/supervisor/domain/config.ts'
import type { Squad } from '../../src/supervisor/domain/squad.ts'
import { prepareHome, resolveHome } from '../../src/supervisor/home.ts'
import { ask, makeServer, scratch } from '../support/api.ts'
import { FakeSquad } from '../support/fake-squad.ts'
import type { Shot } from '../support/request-fuzz.ts'
import { shots } from '../support/request-fuzz.ts'
import { seed } from '../support/seed.ts'

/** `npm run fuzz` has 20,000. */
const count = Number(process.env['REQUESTS'] ?? 2_000)

t.setTimeout(120_000 + count * 100)

type Answer = { status: number; text: string } | 'let go'

/** No answer takes longer, whatever was asked. */
const longestMs = 5_000

/** What comes back; who waits for an event or an end is let go after a moment. */
function send(agent: Agent, socketPath: string, { name, path, headers, body }: Shot) {
  const isWaiting = name === 'events' || name === 'tasks.wait'
  return new Promise<Answer>((resolve, reject) => {
    const sent = request({ socketPath, agent, method: endpoints[name].method, path, headers })
    const tooLong = new Error(`no answer in ${longestMs} ms`)
    const timer = isWaiting
      ? setTimeout(() => sent.destroy(), 100)
      : setTimeout(() => sent.destroy(tooLong), longestMs)
    sent.on('response', (response) => {
      const status = response.statusCode ?? 0
      text(response).then(
        (all) => resolve({ status, text: all }),
        () => resolve('let go'),
      )
    })
    sent.on('error', (error) => (isWaiting ? resolve('let go') : reject(error)))
    sent.on('close', () => clearTimeout(timer))
    sent.end(body)
  })
}

/** What is wrong with an answer; undefined when nothing is. */
function problem({ name }: Shot, answer: Answer): string | undefined {
  if (answer === 'let go') return undefined
  const { status } = answer
  if (status >= 500 && !(name === 'tasks.wait' && status === 504)) return `answers ${status}`
  if (status >= 300) {
    const fits = failure.safeParse(parse(answer.text))
    return fits.success ? undefined : `fails without a reason: ${answer.text.slice(0, 200)}`
  }
  if (status !== routes[name].status) return `answers ${status}`
  if (endpoints[name].reply !== 'json') return undefined
  const fits = routes[name].output.safeParse(parse(answer.text))
  return fits.success ? undefined : `does not fit its schema: ${fits.error.message.slice(0, 300)}`
}

function parse(json: string): unknown {
  try {
    return JSON.parse(json)
  } catch {
    return undefined
  }
}

async function bombard(t: Test, squad: Squad, look: () => string, requests: readonly Shot[]) {
  const { server, defects } = makeServer(squad as FakeSquad)
  const socket = join(scratch(t), 'squadd.sock')
  await server.listenUnix(socket)
  // What writes the description is loaded when it is first asked for, which counts for no request.
  await ask({ socketPath: socket }, 'GET', '/openapi.json')
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  const statuses = new Map<number, number>()
  const problems: string[] = []
  const times: number[] = []
  for (const one of requests) {
    const before = look()
    const began = performance.now()
    const answer = await send(agent, socket, one).catch((error: unknown) => error as Error)
    if (answer instanceof Error) {
      problems.push(`${one.name} (${one.how}) ${one.path.slice(0, 80)}: ${answer.message}`)
      continue
    }
    if (answer !== 'let go') times.push(performance.now() - began)
    const status = answer === 'let go' ? 0 : answer.status
    statuses.set(status, (statuses.get(status) ?? 0) + 1)
    const isChanged = status >= 400 && look() !== before
    const wrong =
      problem(one, answer) ?? (isChanged ? `answers ${status} and has done something` : '')
    if (wrong) problems.push(`${one.name} (${one.how}) ${one.path.slice(0, 80)} ${wrong}`)
  }
  agent.destroy()
  await server.close()
  t.same([...new Set(problems)].slice(0, 20), [], 'every answer fits')
  t.same(defects.map(String), [], 'nothing is logged as an error')
  t.equal(({} as { polluted?: boolean }).polluted, undefined)
  const ok = (statuses.get(200) ?? 0) + (statuses.get(201) ?? 0)
  times.sort((a, b) => a - b)
  const [p99 = 0, longest = 0] = [times[Math.floor(0.99 * times.length)], times.at(-1)]
  t.ok(longest < longestMs, `p99 ${p99.toFixed(1)} ms, at most ${longest.toFixed(1)} ms`)
  t.ok(ok > requests.length / 10, `of ${requests.length}: ${JSON.stringify([...statuses])}`)
}

t.test(`${count / 2} requests to a squad whose agents are there (seed ${seed})`, async (t) => {
  const squad = new FakeSquad()
  await squad.addAgent({ id: 'a1', repo: '/repo' })
  await squad.submit([1, 2, 3, 4, 5].map((n) => ({ prompt: `task ${n}` })))
  squad.finish('t1', true)
  const remove = squad.removeAgent.bind(squad)
  squad.removeAgent = async (id, how) => {
    const gone = await remove(id, how)
    if (id === 'a1') await squad.addAgent({ id: 'a1', repo: '/repo' })
    return gone
  }
  const look = () => JSON.stringify([squad.queue.length, squad.log.length, squad.agentViews()])
  await bombard(t, squad, look, shots(count / 2, seed))
})

t.test(`${count / 2} requests to a real squad (seed ${seed})`, async (t) => {
  const home = resolveHome({ home: join(scratch(t), 'home'), env: {} })
  prepareHome(home)
  const errors: unknown[] = []
  const { squad, store, heavy } = assemble({
    home,
    storeFile: ':memory:',
    // Nothing happens by itself meanwhile.
    config: () => ({ ...defaults, maxLoadPerCore: 0, healthCheckIntervalMs: 3_600_000 }),
    env: process.env,
    version: '0.0.0',
    onError: (error) => errors.push(error),
    onHostLine: (_agent, line) => errors.push(line),
  })
  await squad.start()
  await squad.submit([1, 2, 3, 4, 5].map((n) => ({ prompt: `task ${n}` })))
  const look = () => JSON.stringify([store.taskCounts(), store.eventRange().last])
  await bombard(t, squad, look, shots(count / 2, seed + 1000))
  t.same(errors, [])
  await squad.shutdown({ stopAgents: true })
  await heavy.pool.shutdown({ timeoutMs: 0 })
  store.close()
})

import { createHmac } from 'node:crypto'
import { lstatSync, readFileSync, statSync } from 'node:fs'
import { join, resolve } from 'node:path'
import t from 'tap'
import { secretOfAgent } from '../../src/supervisor/api/agent-access.ts'
import type { EndpointName } from '../../src/supervisor/api/endpoints.ts'
import { endpoints } from '../../src/supervisor/api/endpoints.ts'
import { agentToken } from '../../src/supervisor/domain/agent-token.ts'
import type { NewEvent, SquadEvent } from '../../src/supervisor/domain/event.ts'
import { AgentDoors } from '../../src/supervisor/agent-door.ts'
import { systemClock } from '../../src/supervisor/domain/time.ts'
import type { Task } from '../../src/supervisor/domain/task.ts'
import { ask, makeServer, scratch } from '../support/api.ts'
import { FakeSquad } from '../support/fake-squad.ts'
import { Squadd } from '../support/squadd.ts'

const agentSecret = 'c'.repeat(64)
const json = { 'content-type': 'application/json' }

const sealed = (agent: string, start: string, secret = agentSecret): string => {
  const seal = createHmac('sha256', secretOfAgent(secret, agent)).update(start).digest('hex')
  return agentToken({ agent, start }, seal)
}

async function openBoth(t: { teardown(end: () => unknown): void }) {
  const squad = new FakeSquad()
  await squad.addAgent({ id: 'a1', repo: '/repo' })
  await squad.submit([{ prompt: 'own' }, { prompt: 'of another' }])
  const [said, refused] = [[] as string[], [] as string[]]
  const door = (taskId: string) => ({
    taskId,
    report: (text: string) => void said.push(`${taskId} ${text}`),
    refused: (what: string) => void refused.push(what),
  })
  squad.doors.set('k1 t1-1', door('t1')).set('k2 p1ab', door('t2'))
  const made = makeServer(squad, { agentSecret })
  const dir = scratch(t)
  const [operators, agents] = [join(dir, 'squadd.sock'), join(dir, 'agents.sock')]
  await made.server.listenUnix(operators)
  await made.server.listenAgents(agents)
  t.teardown(() => made.server.close())
  return { ...made, said, refused, operators, agents }
}

const pathOf = (name: EndpointName): string =>
  endpoints[name].path.replace(':id', name.startsWith('agents') ? 'a1' : 't2')
const names = Object.keys(endpoints) as EndpointName[]
const ofAgents: EndpointName[] = ['own.show', 'own.report', 'healthz']

t.test('an agent may do what is its own, and of the rest nothing', async (t) => {
  const { agents, operators, refused, squad } = await openBoth(t)
  const before = JSON.stringify([squad.queue, squad.log, squad.agentViews()])
  const bearer = (token: string) => ({ ...json, authorization: `Bearer ${token}` })
  const good = [sealed('k1', 't1-1'), sealed('k2', 'p1ab')]
  const bad = {
    'no token': json,
    'the token of an attempt that is over': bearer(sealed('k1', 't1-2')),
    'the token of an agent that is gone': bearer(sealed('k9', 't1-1')),
    'a seal for another start': bearer(good[0]!.replace('t1-1', 't2-1')),
    'a seal for another agent': bearer(good[1]!.replace('.k2.', '.k1.')),
    'the seal of another home': bearer(sealed('k1', 't1-1', 'd'.repeat(64))),
    'a web page': { ...bearer(good[0]!), origin: 'http://evil.test' },
  }
  let cells = 0
  for (const name of names) {
    const { method } = endpoints[name]
    const body = name === 'own.report' ? '{"text":"half"}' : undefined
    const with_ = (headers: Record<string, string>) => (body ? { headers, body } : { headers })
    for (const token of good) {
      const { status } = await ask(
        { socketPath: agents },
        method,
        pathOf(name),
        with_(bearer(token)),
      )
      t.equal(status, ofAgents.includes(name) ? 200 : 403, `${method} ${pathOf(name)}`)
      cells += 1
    }
    for (const [who, headers] of Object.entries(bad)) {
      const { status } = await ask({ socketPath: agents }, method, pathOf(name), with_(headers))
      t.equal(status, who === 'a web page' ? 403 : 401, `${method} ${pathOf(name)}: ${who}`)
      cells += 1
    }
  }
  t.ok(cells > 300, `${cells} cells`)
  t.equal(JSON.stringify([squad.queue, squad.log, squad.agentViews()]), before, 'nothing happened')
  t.equal(refused.length, 2 * (names.length - ofAgents.length), 'each refusal is told')
  for (const name of ['own.show', 'own.report'] as const) {
    const given = { headers: bearer(good[0]!), body: '{"text":"x"}' }
    const { method } = endpoints[name]
    const { status } = await ask({ socketPath: operators }, method, pathOf(name), given)
    t.equal(status, 403, 'on the operator’s socket a token makes nobody an agent')
  }
})

t.test('its own task is the one of its token, whatever it asks for', async (t) => {
  const { agents, said } = await openBoth(t)
  const place = { socketPath: agents }
  const headers = (agent: string, start: string) => ({
    ...json,
    authorization: `Bearer ${sealed(agent, start)}`,
  })
  const own = await ask(place, 'GET', '/v1/own', { headers: headers('k2', 'p1ab') })
  t.match(JSON.parse(own.text), { id: 't2', prompt: 'of another' })
  const asked = { headers: headers('k1', 't1-1') }
  t.equal((await ask(place, 'GET', '/v1/own?id=t2', asked)).status, 400)
  const body = '{"text":"half"}'
  const reported = await ask(place, 'POST', '/v1/own/report', { ...asked, body })
  t.same(JSON.parse(reported.text), { taskId: 't1' })
  t.same(said, ['t1 half'])
  const large = await ask(place, 'POST', '/v1/own/report', { ...asked, body: 'x'.repeat(20_000) })
  t.equal(large.status, 413)
  const long = JSON.stringify({ text: 'x'.repeat(1001) })
  t.equal((await ask(place, 'POST', '/v1/own/report', { ...asked, body: long })).status, 400)
})

t.test('a door is open while its start has a task, and not for a flood', (t) => {
  const happened: NewEvent[] = []
  let now = 0
  const clock = { ...systemClock, now: () => now }
  const agent = { id: 'ada', record: { key: 'a1' }, currentTask: { id: 't1', fence: 2 } }
  const holder = { ...agent, isTidying: false }
  const doors = new AgentDoors(
    () => [holder],
    clock,
    (event) => happened.push(event),
  )
  const open = (start: string) => doors.open({ agent: 'a1', start })
  for (const start of ['t1-1', 't2-2']) t.equal(open(start), null)
  t.equal(doors.open({ agent: 'a2', start: 't1-2' }), null)
  t.equal(open('p1ab')?.taskId, 't1', 'an interactive program has what its agent has')
  const door = open('t1-2')!
  door.report('a')
  t.throws(() => door.report('b'), { code: 'SQUADD_BUSY', data: { retryAfterMs: 1000 } })
  now = 1000
  door.report('c')
  for (let i = 0; i < 100; i += 1) door.refused('POST /v1/stop')
  t.same(
    happened.map(({ type, data }) => `${type} ${Object.values(data ?? {}).join()}`),
    ['TaskProgress a', 'TaskProgress c', 'AgentRefused POST /v1/stop'],
  )
  holder.isTidying = true
  t.equal(open('t1-2'), null)
  t.end()
})

t.test('a real program: what it may, what it may not, and for how long', async (t) => {
  t.setTimeout(120_000)
  const squad = new Squadd()
  t.teardown(() => squad.remove())
  await squad.json('start')
  const cli = `'${process.execPath}' '${resolve(import.meta.dirname, '../../bin/squadd.js')}'`
  await squad.json('agent', 'add', 'ada', '--repo', squad.repo)
  t.equal(lstatSync(join(squad.home, 'run/agents.sock')).mode & 0o777, 0o600)
  t.equal(statSync(join(squad.home, 'agent-secret')).mode & 0o777, 0o600)
  const kept = join(squad.dir, 'kept')
  const script = [
    `printf %s "$SQUADD_TOKEN" >'${kept}'`,
    `${cli} task own --json`,
    `${cli} task report 'half of it'`,
    `for verb in 'stop' 'task add x' 'task cancel t1' 'agent list' 'agent remove ada' 'events'`,
    `do ${cli} $verb >/dev/null 2>&1; echo "$verb: $?"; done`,
  ].join('\n')
  const task = await squad.json<Task>('task', 'add', script)
  const ended = await squad.json<Task>('task', 'wait', task.id)
  const output = ended.result?.output ?? ''
  t.match(output, /"id":\s*"t1"/)
  for (const verb of ['stop', 'task add x', 'task cancel t1', 'agent list', 'agent remove ada'])
    t.match(output, `${verb}: 4\n`)
  t.match(output, 'events: 4')
  const { stdout } = await squad.run('events', '--json')
  const events = stdout
    .split('\n')
    .flatMap((line) => (line ? [JSON.parse(line) as SquadEvent] : []))
  const ofType = (type: string) => events.filter((event) => event.type === type)
  t.match(ofType('TaskProgress'), [{ taskId: 't1', agentId: 'ada', data: { text: 'half of it' } }])
  t.match(ofType('AgentRefused'), [
    { taskId: 't1', agentId: 'ada', data: { what: 'GET /v1/status' } },
  ])
  const headers = { authorization: `Bearer ${readFileSync(kept, 'utf8')}` }
  const place = { socketPath: join(squad.home, 'run/agents.sock') }
  t.equal((await ask(place, 'GET', '/v1/own', { headers })).status, 401, 'over with its task')
})

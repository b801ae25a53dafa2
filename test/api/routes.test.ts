import fc from 'fast-check'
import t from 'tap'
import type { EndpointName } from '../../src/supervisor/api/endpoints.ts'
import { endpoints } from '../../src/supervisor/api/endpoints.ts'
import { routes } from '../../src/supervisor/api/routes.ts'
import type { WireError } from '../../src/supervisor/api/wire-error.ts'
import type { ErrorCode } from '../../src/supervisor/domain/error.ts'
import { errors, SquadError } from '../../src/supervisor/domain/error.ts'
import type { Task } from '../../src/supervisor/domain/task.ts'
import { ask, openApi } from '../support/api.ts'

const json = { 'content-type': 'application/json' }

/** An input for every endpoint that answers once, in an order in which all of them work. */
const inputs = {
  status: {},
  'agents.add': { id: 'a1', repo: '/repo', labels: ['fast'], env: { KEY: 'value' } },
  'agents.list': { limit: 5 },
  'agents.show': { id: 'a1' },
  'agents.pause': { id: 'a1', now: true },
  'agents.resume': { id: 'a1' },
  'agents.stop': { id: 'a1' },
  'agents.restart': { id: 'a1' },
  'agents.reset': { id: 'a1' },
  'agents.screen': { id: 'a1' },
  'agents.diff': { id: 'a1' },
  'agents.explain': { id: 'a1' },
  'agents.answer': { id: 'a1', choice: 'yes' },
  'agents.send': { id: 'a1', text: 'hello' },
  'agents.remove': { id: 'a1', keepBranch: true },
  'tasks.add': { prompt: 'make test', priority: 'high', metadata: { why: { deep: [1] } } },
  'tasks.list': { state: 'ready', limit: 10 },
  'tasks.show': { id: 't1' },
  'tasks.diff': { id: 't1' },
  'tasks.explain': { id: 't1' },
  'tasks.cancel': { id: 't1' },
  'tasks.retry': { id: 't1' },
  'tasks.release': { id: 't1' },
  'tasks.wait': { id: 't1', timeoutMs: 1000 },
  'notifications.list': {},
  'notifications.test': { name: 'ops' },
  metrics: {},
  healthz: {},
  readyz: {},
  openapi: {},
  reload: {},
  stop: { drain: true },
} as const

t.test('every endpoint answers with what its schema says', async (t) => {
  const { client, squad, defects } = await openApi(t)
  const names = Object.keys(inputs) as (keyof typeof inputs)[]
  const missing = Object.keys(endpoints).filter((name) => !Object.hasOwn(inputs, name))
  const elsewhere = ['tasks.output', 'own.show', 'own.report', 'events']
  t.same(missing, elsewhere, 'all but the two that stream and what is for agents')
  for (const name of names) {
    if (name === 'tasks.release') squad.hold('t1')
    if (name === 'tasks.wait') squad.finish('t1', true)
    const output = await client.call(name, inputs[name] as never)
    const checked = routes[name].output.safeParse(output)
    t.ok(checked.success, `${name}: ${checked.success ? 'fits' : checked.error.message}`)
  }
  t.same(defects, [])
})

t.test('inputs reach the squad whole, and its answers come back whole', async (t) => {
  const { client, squad } = await openApi(t)
  const input = { prompt: 'é\u0000\u2028"', priority: 'low', retries: 2, after: [] } as const
  const task = (await client.call('tasks.add', { ...input, after: [] })) as Task
  t.same(task, squad.task('t1'))
  t.equal(task.prompt, input.prompt)
  const batch = (await client.call('tasks.add', {
    tasks: [{ prompt: 'one', ref: 'one' }, { prompt: 'two' }],
  })) as Task[]
  t.same(
    batch.map(({ id }) => id),
    ['t2', 't3'],
    'a batch answers with its tasks in order',
  )
  t.same(
    (await client.call('tasks.list', { limit: 1, before: 't3' })).map(({ id }) => id),
    ['t2'],
  )
  await client.call('agents.add', { id: 'a1', repo: '/repo', program: 'command', argv: ['wc'] })
  t.equal((await client.call('agents.pause', { id: 'a1', release: true })).reason, 'released')
  t.same(await client.call('agents.remove', { id: 'a1', keepBranch: true }), { rescueRef: null })
})

t.test('output comes as the bytes that were written', async (t) => {
  const { client, squad } = await openApi(t)
  squad.text = `\u001b[31mred\r\n${'x'.repeat(300_000)}\n`
  await client.call('tasks.add', { prompt: 'x' })
  const chunks: Uint8Array[] = []
  for await (const chunk of client.bytes('tasks.output', { id: 't1' })) chunks.push(chunk)
  t.equal(Buffer.concat(chunks).toString(), squad.text)
  await t.rejects(client.bytes('tasks.output', { id: 't9' }).next(), { code: 'SQUADD_NOT_FOUND' })
})

t.test(
  'every error of the table travels with its status, and arrives as it was thrown',
  async (t) => {
    const { client, squad, socket } = await openApi(t)
    for (const code of Object.keys(errors) as ErrorCode[]) {
      const thrown = new SquadError(code, 'it is so', { field: 'f', hint: 'do this', pid: 7 })
      squad.status = () => {
        throw thrown
      }
      const { status, headers, text } = await ask({ socketPath: socket }, 'GET', '/v1/status')
      t.equal(status, errors[code].http, code)
      t.equal(headers['retry-after'], status === 429 ? '1' : undefined)
      t.same(JSON.parse(text), {
        error: { code, message: 'it is so', field: 'f', hint: 'do this', data: { pid: 7 } },
      })
      await t.rejects(client.call('status', {}), {
        code,
        message: thrown.message,
        data: { field: 'f', hint: 'do this', pid: 7 },
      })
    }
  },
)

t.test('a full queue says when to come back', async (t) => {
  const { squad, socket } = await openApi(t)
  squad.queueSize = 0
  const answer = await ask({ socketPath: socket }, 'POST', '/v1/tasks', {
    headers: json,
    body: '{"prompt":"x"}',
  })
  t.match(answer, { status: 429, headers: { 'retry-after': '3' } })
})

t.test('a mistake of ours is reported and says no more than it must', async (t) => {
  const { squad, socket, defects } = await openApi(t)
  const mistake = new TypeError('cannot read x of undefined')
  squad.status = () => {
    throw mistake
  }
  const { status, text } = await ask({ socketPath: socket }, 'GET', '/v1/status')
  t.equal(status, 500)
  t.equal(JSON.parse(text).error.code, 'SQUADD_INTERNAL')
  t.notMatch(text, 'server.ts', 'no trace')
  t.same(defects, [mistake])
})

t.test('a bad body names the field, the value and what to do', async (t) => {
  const { socket, squad } = await openApi(t)
  const post = async (body: unknown) => {
    const given = { headers: json, body: JSON.stringify(body) }
    const { status, text } = await ask({ socketPath: socket }, 'POST', '/v1/tasks', given)
    return { status, ...(JSON.parse(text) as WireError).error }
  }
  const cases: [body: unknown, field: string, message: RegExp][] = [
    [{}, 'prompt', /^prompt is missing/],
    [{ promt: 'x' }, 'prompt', /^prompt is missing/],
    [{ prompt: 'x', promt: 'y' }, 'promt', /promt is not a field; did you mean prompt\?/],
    [{ prompt: 5 }, 'prompt', /^prompt 5 is not valid; use a value of type string/],
    [{ prompt: 'x', priority: 'urgent' }, 'priority', /low, normal, high, critical/],
    [{ prompt: 'x', retries: 'a', priorty: 1 }, 'retries', /^retries "a"/],
    [{ prompt: 'x', timeoutMs: 1.5 }, 'timeoutMs', /whole number/],
    [{ prompt: 'x', timeoutMs: -1 }, 'timeoutMs', /at least 0/],
    [{ prompt: 'x', retries: 101 }, 'retries', /at most 100/],
    [{ prompt: 'x', verify: 'npm test' }, 'verify', /array/],
    [{ prompt: 'x', onUnknown: 'explode' }, 'onUnknown', /hold, retry/],
    [{ prompt: 'x', metadata: [] }, 'metadata', /record/],
    [{ prompt: '  ' }, 'prompt', /empty/],
    [{ tasks: [] }, 'tasks', /at least 1/],
    [{ tasks: 5 }, 'tasks', /array/],
    [{ tasks: [{ prompt: 'x' }, {}] }, 'tasks[1].prompt', /^tasks\[1\]\.prompt is missing/],
    [{ tasks: [{ prompt: 'x', Prompt: 'y' }] }, 'tasks[0].Prompt', /did you mean prompt/],
    [[], 'body', /not an object/],
    [5, 'body', /not an object/],
    ['x', 'body', /not an object/],
    [null, 'prompt', /missing/],
  ]
  for (const [body, field, message] of cases) {
    const { status, ...error } = await post(body)
    t.equal(status, 400, JSON.stringify(body))
    t.match(
      { ...error, message: `${error.message}; ${error.hint}` },
      {
        code: 'SQUADD_INVALID',
        field,
        message,
      },
    )
  }
  const second = await post({ tasks: [{ prompt: 'x' }, { prompt: 5 }] })
  t.same(second.data, { index: 1, value: 5 }, 'a batch says which one')
  t.equal(squad.queue.length, 0, 'nothing was stored')
})

t.test('what stands in the wrong place is refused', async (t) => {
  const { squad, socket } = await openApi(t)
  await squad.addAgent({ id: 'a1', repo: '/repo' })
  const cases: [method: string, path: string, body: string | undefined, field: string][] = [
    ['POST', '/v1/agents/a1/pause', '{"id":"a2"}', 'id'],
    ['POST', '/v1/agents/a1/pause?now=true', '{}', 'now'],
    ['POST', '/v1/agents/a1/pause', '{"now":"true"}', 'now'],
    ['POST', '/v1/agents/a1/resume', '{"now":true}', 'now'],
    ['GET', '/v1/tasks?limit=ten', undefined, 'limit'],
    ['GET', '/v1/tasks?limit=0', undefined, 'limit'],
    ['GET', '/v1/tasks?limit=1&limit=2', undefined, 'limit'],
    ['GET', '/v1/tasks?sate=ready', undefined, 'sate'],
    ['GET', '/v1/tasks?state=redy', undefined, 'state'],
    ['DELETE', '/v1/agents/a1?keepBranch=maybe', undefined, 'keepBranch'],
    ['GET', '/v1/events?since=-1', undefined, 'since'],
    ['POST', '/v1/stop', '{"drain":"soon"}', 'drain'],
  ]
  for (const [method, path, body, field] of cases) {
    const given = body === undefined ? {} : { headers: json, body }
    const { status, text } = await ask({ socketPath: socket }, method, path, given)
    t.equal(status, 400, `${method} ${path} ${body ?? ''}`)
    t.equal(JSON.parse(text).error.field, field)
  }
  t.equal(squad.agentView('a1').state, 'idle')
})

t.test('a body that is no sound JSON is refused', async (t) => {
  const { socket, squad } = await openApi(t, { maxBodyBytes: 1000 })
  const cases: [body: string | Uint8Array, type: string, status: number][] = [
    ['{"prompt":', 'application/json', 400],
    ['{"prompt":"x","__proto__":{"a":1}}', 'application/json', 400],
    ['{"prompt":"x","metadata":{"constructor":{"prototype":{}}}}', 'application/json', 400],
    [Buffer.from('{"prompt":"\xff"}', 'latin1'), 'application/json', 400],
    ['prompt=x', 'application/x-www-form-urlencoded', 415],
    ['{"prompt":"x"}', 'text/plain', 415],
    [JSON.stringify({ prompt: 'x'.repeat(1000) }), 'application/json', 413],
  ]
  for (const [body, type, expected] of cases) {
    const headers = { 'content-type': type }
    const { status, text } = await ask({ socketPath: socket }, 'POST', '/v1/tasks', {
      headers,
      body,
    })
    t.equal(status, expected, `${type} ${String(body).slice(0, 30)}`)
    t.match(JSON.parse(text).error, { code: /^SQUADD_/, message: /./ })
  }
  t.equal(squad.queue.length, 0)
})

t.test('a body may be 32 levels deep, not more', async (t) => {
  const { client, socket } = await openApi(t)
  const nest = (depth: number): Record<string, unknown> => (depth > 1 ? { a: nest(depth - 1) } : {})
  const prompt = '[{"'.repeat(50)
  await client.call('tasks.add', { prompt, metadata: nest(31) })
  await t.rejects(client.call('tasks.add', { prompt, metadata: nest(32) }), {
    code: 'SQUADD_INVALID',
    data: { field: 'body' },
  })
  const nests: [open: string, close: string][] = [
    ['[', ']'],
    ['{"a":', '}'],
  ]
  for (const [open, close] of nests) {
    const body = `{"prompt":${open.repeat(100_000)}1${close.repeat(100_000)}}`
    const given = { headers: json, body }
    t.equal((await ask({ socketPath: socket }, 'POST', '/v1/tasks', given)).status, 400)
  }
})

t.test('values of variables do not come back in errors', async (t) => {
  const { client } = await openApi(t)
  const env = { TOKEN: { secret: 'hunter2' } } as never
  const error = await client
    .call('agents.add', { id: 'a1', repo: '/r', env })
    .catch((e: unknown) => e)
  t.match(error, { code: 'SQUADD_INVALID', data: { field: 'env.TOKEN' } })
  t.notMatch(JSON.stringify([error, String(error)]), 'hunter2')
})

t.test('what does not exist is not found', async (t) => {
  const { socket } = await openApi(t)
  const paths = [
    '/',
    '/v1',
    '/v1/agents/',
    '/v1/agents/nobody',
    '/v1/agents/..',
    '/v1/agents/%2e%2e%2fx',
    '/v1/agents/__proto__',
    '/v1/tasks/t0',
    '/v1/tasks/12',
    '/v1/tasks/t1;drop',
    `/v1/tasks/${'t'.repeat(500)}`,
    '/v1/x/../status',
    '//v1/status',
  ]
  for (const path of paths) {
    const { status, text } = await ask({ socketPath: socket }, 'GET', path)
    t.equal(status, 404, path)
    t.equal(JSON.parse(text).error.code, 'SQUADD_NOT_FOUND', path)
  }
  t.equal((await ask({ socketPath: socket }, 'PUT', '/v1/status')).status, 404)
  t.equal((await ask({ socketPath: socket }, 'HEAD', '/v1/events')).status, 404)
  t.equal((await ask({ socketPath: socket }, 'GET', '/v1/agents/%')).status, 400)
})

t.test('no input makes the server fail', async (t) => {
  const { socket, squad, defects } = await openApi(t)
  await squad.addAgent({ id: 'a1', repo: '/repo' })
  const key = fc.oneof(
    fc.constantFrom(
      'prompt',
      'tasks',
      'id',
      'repo',
      'env',
      'metadata',
      'after',
      'timeoutMs',
      'now',
    ),
    fc.string(),
  )
  const body = fc.oneof(
    fc.json(),
    fc.dictionary(key, fc.jsonValue()).map((x) => JSON.stringify(x)),
  )
  const path = fc.oneof(
    fc.constantFrom(
      '/v1/tasks',
      '/v1/agents',
      '/v1/agents/a1/pause',
      '/v1/stop',
      '/v1/tasks/t1/wait',
    ),
    fc.webPath().map((one) => `/v1/agents/${one}`),
    fc.webQueryParameters().map((one) => `/v1/tasks?${one}`),
  )
  const request = fc.record({ method: fc.constantFrom('GET', 'POST', 'DELETE'), path, body })
  await fc.assert(
    fc.asyncProperty(request, async ({ method, path, body }) => {
      const given = method === 'GET' ? {} : { headers: json, body }
      const { status } = await ask({ socketPath: socket }, method, path, given)
      return status < 500
    }),
    { numRuns: 300 },
  )
  t.same(defects, [])
})

t.test('a wait ends with its task, its time, or its client', async (t) => {
  const { client, squad } = await openApi(t)
  await client.call('tasks.add', { prompt: 'x' })
  const waiting = client.call('tasks.wait', { id: 't1' })
  await squad.readers(1)
  squad.finish('t1', true)
  t.equal((await waiting).state, 'completed')

  await client.call('tasks.add', { prompt: 'y' })
  await t.rejects(client.call('tasks.wait', { id: 't2', timeoutMs: 1 }), { code: 'SQUADD_TIMEOUT' })
  const away = new AbortController()
  const given = client.call('tasks.wait', { id: 't2' }, { signal: away.signal })
  await squad.readers(1)
  away.abort(new Error('gone'))
  await t.rejects(given, { message: 'gone' })
  await squad.readers(0)
})

t.test('the daemon says when it is not ready', async (t) => {
  let ready = false
  const { socket } = await openApi(t, { ready: () => ready })
  t.equal((await ask({ socketPath: socket }, 'GET', '/readyz')).status, 503)
  t.equal((await ask({ socketPath: socket }, 'GET', '/healthz')).status, 200)
  ready = true
  t.equal((await ask({ socketPath: socket }, 'GET', '/readyz')).status, 200)
})

t.test('stopping is asked for in the words of the command line', async (t) => {
  const asked: unknown[] = []
  const unstopped = [{ name: 'agent a1', error: 'not stopped after 60000 ms' }]
  const stop = async (how: object) => (asked.push(how), { unstopped })
  const { client } = await openApi(t, { control: { stop, reload: () => ({}) as never } })
  t.same(await client.call('stop', {}), { pid: process.pid, unstopped })
  await client.call('stop', { drain: true })
  await client.call('stop', { drain: 5_000, stopAgents: true })
  t.same(asked, [
    { drainMs: 0, stopAgents: false },
    { drainMs: null, stopAgents: false },
    { drainMs: 5_000, stopAgents: true },
  ])
})

t.test('openapi.json lists every endpoint with its input and output', async (t) => {
  const { client } = await openApi(t)
  const api = (await client.call('openapi', {})) as {
    openapi: string
    paths: Record<string, Record<string, { operationId: string; responses: object }>>
    components: { schemas: Record<string, { properties: object }> }
  }
  t.match(api.openapi, /^3\.1/)
  for (const name of Object.keys(endpoints) as EndpointName[]) {
    const { method, path } = endpoints[name]
    const operation = api.paths[path.replace(':id', '{id}')]?.[method.toLowerCase()]
    t.equal(operation?.operationId, name)
    t.ok(operation && Object.keys(operation.responses).length >= 2, `${name} has responses`)
  }
  t.match(api.components.schemas['Task']?.properties, { id: {}, result: {} })
  const text = JSON.stringify(api)
  const refs = [...text.matchAll(/#\/components\/schemas\/(\w+)/g)].map(([, name]) => name!)
  t.ok(refs.length > 10)
  for (const name of new Set(refs)) t.ok(api.components.schemas[name], `${name} is described`)
})

import t from 'tap'
import { parseScript } from './fixtures/model-stub/directives.ts'
import type { Stub } from './fixtures/model-stub/server.ts'
import { startStub } from './fixtures/model-stub/server.ts'

const bash = { type: 'object', properties: { command: { type: 'string' } }, required: ['command'] }

/** The request of each API for one prompt, with a tool to run commands. */
const requests = {
  '/v1/messages': (content: string) => ({
    stream: true,
    messages: [{ role: 'user', content }],
    tools: [{ name: 'Bash', input_schema: bash }],
  }),
  '/v1/responses': (input: string) => ({
    input,
    tools: [{ type: 'function', name: 'shell', parameters: bash }],
  }),
  '/v1/chat/completions': (content: string) => ({
    stream: true,
    messages: [{ role: 'user', content }],
    tools: [{ type: 'function', function: { name: 'bash', parameters: bash } }],
  }),
  '/v1beta/models/m:streamGenerateContent': (text: string) => ({
    contents: [{ role: 'user', parts: [{ text }] }],
    tools: [{ functionDeclarations: [{ name: 'run_shell_command', parameters: bash }] }],
  }),
}

async function ask(stub: Stub, path: keyof typeof requests, prompt: string, signal?: AbortSignal) {
  const body = JSON.stringify(requests[path](prompt))
  const init = { method: 'POST', body, ...(signal && { signal }) }
  const response = await fetch(stub.url + path, init)
  return { status: response.status, text: await response.text() }
}

t.test('each API answers what the prompt says, calls its tools and fails on demand', async (t) => {
  const stub = await startStub()
  t.teardown(() => stub.close())
  for (const path of Object.keys(requests) as (keyof typeof requests)[]) {
    t.match((await ask(stub, path, '[[say: HELLO]]')).text, 'HELLO', path)
    const called = await ask(stub, path, '[[shell: ls -l]] [[say: HELLO]]')
    t.match(called.text, 'ls -l', path)
    t.notMatch(called.text, 'HELLO', 'the answer comes after the tool')
    t.equal((await ask(stub, path, '[[status: 429]]')).status, 429, path)
    const prompt = `${path} [[status: 500 x2]] [[say: AT LAST]]`
    t.equal((await ask(stub, path, prompt)).status, 500)
    t.equal((await ask(stub, path, prompt)).status, 500)
    t.match((await ask(stub, path, prompt)).text, 'AT LAST', 'it fails as often as it was told')
  }
})

t.test(
  'the log says which prompt, when its last byte left, and when the client left',
  async (t) => {
    const stub = await startStub()
    t.teardown(() => stub.close())
    const before = Date.now()
    await ask(stub, '/v1/messages', '[[id: one]] [[say: HELLO]]')
    const one = await stub.until(
      ({ marker, lastByteAt }) => marker === 'one' && lastByteAt !== null,
    )
    t.match(one, { api: 'anthropic', status: 200, answer: 'HELLO', abortedAt: null, side: false })
    t.ok(one.at >= before && one.lastByteAt! >= one.at)

    const leave = new AbortController()
    const asked = ask(stub, '/v1/responses', '[[id: two]] [[hang]]', leave.signal)
    await stub.until(({ marker }) => marker === 'two')
    leave.abort()
    await t.rejects(asked)
    const two = await stub.until(({ marker, abortedAt }) => marker === 'two' && abortedAt !== null)
    t.equal(two.lastByteAt, null)
  },
)

t.test('directives in front of the last marker do not count', async (t) => {
  const script = parseScript(
    '[[id: a]] [[hang]] [[shell: rm x]]\n[[id: b]] [[maxtok]] [[say: yes]]',
  )
  t.match(script, { steps: [], fault: null, ends: 'maxtok', answer: { kind: 'say', text: 'yes' } })
})

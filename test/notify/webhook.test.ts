import { createHmac } from 'node:crypto'
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import type { SquadEvent } from '../../src/supervisor/domain/event.ts'
import type { Webhook } from '../../src/supervisor/domain/notification.ts'
import { showOnDesktop } from '../../src/supervisor/notify/desktop.ts'
import { post } from '../../src/supervisor/notify/webhook.ts'
import { wordsFor } from '../../src/supervisor/notify/words.ts'
import { scratch } from '../support/api.ts'
import { ended } from '../support/process.ts'
import { receiver } from '../support/receiver.ts'
import { whenIn } from '../support/watching.ts'

const event: SquadEvent = {
  seq: 7,
  at: 1_000,
  type: 'AgentWaiting',
  agentId: 'ada',
  taskId: 't3',
  data: { question: 'May I run\n`rm <x> & y`? \u001b[31m' },
}
const notice = { id: 12, rule: 'ops', tries: 2, problem: null, event }

const webhook = (url: string, more: Partial<Webhook> = {}): Webhook => ({
  kind: 'webhook',
  ...{ url, format: 'event' as const, secret: null, ...more },
})
const how = (signal = new AbortController().signal, env = {}) => ({ signal, env, now: 5_000 })

t.test('a notice is posted whole, with an id that is the same in every try', async (t) => {
  const { posts, url } = await receiver(t, (response) => response.writeHead(204).end())
  t.strictSame(await post(webhook(url), notice, how()), { ok: true })
  const [{ headers, method, body, url: path } = posts[0]!] = posts
  t.match({ method, path }, { method: 'POST', path: '/hook?key=hidden' })
  t.match(headers, {
    'content-type': 'application/json',
    'squadd-event': 'AgentWaiting',
    'squadd-delivery': 'n12',
    'squadd-timestamp': '5',
  })
  t.notOk('squadd-signature' in headers, 'nothing to sign with')
  t.match(JSON.parse(body), {
    ...{ id: 'n12', notification: 'ops', try: 2, host: String },
    text: 'AgentWaiting ada t3: May I run `rm <x> & y`?',
    event,
  })
})

t.test('what is signed can be checked by who has the secret', async (t) => {
  const { posts, url } = await receiver(t, (response) => response.end())
  const file = join(scratch(t), 'secret')
  writeFileSync(file, 'hunter2\n')
  await post(webhook(url, { secret: { file } }), notice, how())
  await post(webhook(url, { secret: { env: 'KEY' } }), notice, how(undefined, { KEY: 'hunter2' }))
  t.equal(posts.length, 2)
  for (const { headers, body } of posts) {
    const expected = createHmac('sha256', 'hunter2').update(`5.${body}`).digest('hex')
    t.equal(headers['squadd-signature'], `v1=${expected}`)
    t.notMatch(body, /hunter2/)
  }
  for (const [secret, problem] of [
    [{ env: 'KEY' }, /secretEnv KEY is not set/],
    [{ file: `${file}.not` }, /cannot be read \(ENOENT\)/],
  ] as const)
    t.match(await post(webhook(url, { secret }), notice, how()), { ok: false, problem })
  t.equal(posts.length, 2, 'without its secret nothing is sent')
})

t.test('Slack gets its own form, with its marks made harmless', async (t) => {
  const { posts, url } = await receiver(t, (response) => response.end('ok'))
  await post(webhook(url, { format: 'slack' }), notice, how())
  const { text: said, ...rest } = JSON.parse(posts[0]!.body) as { text: string }
  t.match(said, /^squadd on .+: AgentWaiting ada t3: May I run `rm &lt;x&gt; &amp; y`\?$/)
  t.strictSame(rest, {})
})

t.test(
  'what is no 2xx is a failure, a redirect is not followed, no answer shows the address',
  async (t) => {
    let status = 0
    const { posts, url } = await receiver(t, (response) =>
      response.writeHead(status, { location: '/elsewhere' }).end(),
    )
    for (const [code, problem] of [
      [500, 'it answered 500'],
      [404, 'it answered 404'],
      [302, 'it answered 302, a redirect, which is not followed'],
      [308, 'it answered 308, a redirect, which is not followed'],
    ] as const) {
      status = code
      t.strictSame(await post(webhook(url), notice, how()), { ok: false, problem })
    }
    t.equal(posts.length, 4)
    const gone = await post(webhook('http://127.0.0.1:1/hidden'), notice, how())
    t.strictSame(gone, { ok: false, problem: 'it cannot be reached (ECONNREFUSED)' })
  },
)

t.test('who does not answer is left when the time is over', async (t) => {
  const late = new AbortController()
  const { posts, url } = await receiver(t, () => late.abort())
  t.strictSame(await post(webhook(url), notice, how(late.signal)), {
    ok: false,
    problem: 'it did not answer in time',
  })
  t.equal(posts.length, 1)
})

t.test('an endless answer is not read', async (t) => {
  const { url } = await receiver(t, (response) => {
    response.writeHead(200)
    const more = () => response.write('x'.repeat(65_536), (error) => error ?? setImmediate(more))
    more()
  })
  t.strictSame(await post(webhook(url), notice, how()), { ok: true })
})

t.test('the words for an event are one line, harmless, short and without secrets', (t) => {
  const of = (data: Record<string, unknown>) => wordsFor({ ...event, data })
  t.equal(of({}), 'AgentWaiting ada t3')
  t.equal(of({ reason: 'a\u001b]0;owned\u0007b' }), 'AgentWaiting ada t3: ab')
  t.equal(of({ reason: 'x'.repeat(9999) }).length, 500)
  t.notMatch(of({ reason: 'token sk-ant-api03-abcdefgh12345678' }), /abcdefgh/)
  t.end()
})

t.test('the desktop is asked by an argument list, or it is said what is missing', async (t) => {
  const dir = scratch(t)
  const signal = new AbortController().signal
  const missing = await showOnDesktop(notice, signal, { PATH: dir })
  t.match(missing, { ok: false, problem: /notify-send is not installed: .*libnotify-bin/ })
  const program = join(dir, 'notify-send')
  const record = join(dir, 'said')
  writeFileSync(program, `#!/bin/sh\nprintf '%s\\n' "$@" > ${record}\n`, { mode: 0o755 })
  const env = { PATH: `${dir}:/usr/bin:/bin` }
  t.strictSame(await showOnDesktop(notice, signal, env), { ok: true })
  t.strictSame(readFileSync(record, 'utf8').trim().split('\n'), [
    '--app-name=squadd',
    '--',
    'squadd',
    'AgentWaiting ada t3: May I run `rm &lt;x> &amp; y`?',
  ])
  writeFileSync(program, '#!/bin/sh\necho no bus here >&2\nexit 1\n')
  t.match(await showOnDesktop(notice, signal, env), {
    ok: false,
    problem: /no bus here; was the daemon/,
  })
  rmSync(record)
  writeFileSync(program, `#!/bin/sh\necho $$ > ${record}\nexec sleep 600\n`)
  const late = new AbortController()
  const shown = showOnDesktop(notice, late.signal, env)
  const pid = () => Number(readFileSync(record, { encoding: 'utf8', flag: 'a+' }))
  await whenIn(dir, () => pid() > 0)
  late.abort()
  t.match(await shown, { ok: false, problem: /in time/ })
  await ended(pid())
})

import fc from 'fast-check'
import t from 'tap'
import { redact, redactAll } from '../../src/supervisor/domain/redact.ts'
import { canaries } from '../support/canaries.ts'
import { holds } from '../support/property.ts'

const known = canaries('forms')

t.test('secrets of every known form are taken out, and the text around them stays', (t) => {
  for (const { form, text, secret } of known) {
    const clean = redact(`before ${text}\nafter`)
    t.notMatch(clean, secret, form)
    t.match(clean, /^before .*\[redacted\].*\nafter$/s, form)
  }
  t.equal(redact(`url ${known.at(-7)?.text}`), 'url https://user:[redacted]@example.test/path')
  t.end()
})

t.test('what is no secret stays as it is', (t) => {
  const harmless = [
    'task-completed-with-a-long-name-of-99-parts',
    '{"inputTokens":900,"outputTokens":80,"costUsd":0.02}',
    'SyntaxError: Unexpected token: }',
    'const token = readToken(file)',
    'the bearer of good news, basic understanding of authorization',
    'PWD=/home/user/project OLDPWD=/tmp',
    'git@github.com:owner/name.git ssh://git@github.com/owner/name https://example.test/a@b',
    '127.0.0.1:7000 00:00:12 a:b@c',
    '3f786850e387550fdab836ed7e6dc881de23001b',
    '-----BEGIN CERTIFICATE-----\nMIIE\n-----END CERTIFICATE-----',
    'Authors: token ring, password manager',
  ]
  for (const text of harmless) t.equal(redact(text), text)
  t.end()
})

/** Parts of secrets and of what stands around them, in any order. */
const pieces = fc
  .array(
    fc.oneof(
      fc.constantFrom(...known.map(({ text }) => text)),
      fc.constantFrom('token', 'password', '=', ': ', '"', "'", '\\"', '--', '://', '@', ':', ' '),
      fc.constantFrom('[redacted]', 'Bearer ', 'authorization: ', 'cookie: ', 'sk-', 'eyJ', '\n'),
      fc.string({ unit: 'binary', maxLength: 12 }),
    ),
    { maxLength: 25 },
  )
  .map((parts) => parts.join(''))

t.test('a text that was redacted once stays as it is', (t) => {
  holds(
    t,
    fc.property(pieces, (text) => redact(redact(text)) === redact(text)),
    5000,
  )
  t.end()
})

t.test('no known secret survives, whatever words stand around it', (t) => {
  holds(
    t,
    fc.property(
      fc.constantFrom(...known),
      fc.string({ maxLength: 40 }),
      fc.string({ maxLength: 40 }),
      ({ text, secret }, before, after) => !redact(`${before} ${text}\n${after}`).includes(secret),
    ),
  )
  t.end()
})

t.test('the time that it takes grows with the text and no faster', (t) => {
  const parts = [
    ...known.map(({ text }) => text),
    ...['a', 'A1', '-', 'sk-', 'eyJ', '://', '://a:', '-----BEGIN PRIVATE KEY-----', 'token='],
    ...['token="', 'password: ', 'authorization: ', 'cookie: ', '--token ', 'Bearer ', 'basic '],
    ...['a@', '=', 'eyJaaaaaaaaa.', 'token ', '\n', ' '],
  ]
  const spent = (text: string) => {
    const before = process.cpuUsage()
    redact(text)
    const { user, system } = process.cpuUsage(before)
    return (user + system) / 1000
  }
  for (const part of parts) {
    const small = part.repeat(Math.ceil(50_000 / part.length))
    spent(small)
    const once = Math.max(2, spent(small))
    // Ten times the text: a quadratic pattern would take a hundred times as long.
    t.ok(spent(small.repeat(10)) < 40 * once, JSON.stringify(part.slice(0, 30)))
  }
  t.end()
})

t.test('a value is redacted in every text, and under every secret-like name', (t) => {
  const { text, secret } = known[0]!
  const value = {
    prompt: `use ${text}`,
    env: { API_KEY: 'plain', HOME: '/home/user' },
    argv: ['run', '--token', 'plain', '--count', '3'],
    deep: [[{ secret: ['plain', 5, null] }]],
    tokens: 12,
  }
  const clean = redactAll(value)
  t.notMatch(JSON.stringify(clean), secret)
  t.strictSame(
    { ...clean, prompt: '' },
    {
      prompt: '',
      env: { API_KEY: '[redacted]', HOME: '/home/user' },
      argv: ['run', '--token', '[redacted]', '--count', '3'],
      deep: [[{ secret: ['[redacted]', 5, null] }]],
      tokens: 12,
    },
  )
  t.strictSame(redactAll(clean), clean)
  t.end()
})

import { createHash } from 'node:crypto'

/**
 * Secrets that open nothing, one of each form that is known; each holds a part that stands nowhere
 * else. In pieces, so that no scanner takes this file for a leak.
 */
export function canaries(seed: string): { form: string; text: string; secret: string }[] {
  const hex = (form: string) => createHash('sha256').update(`${seed}/${form}`).digest('hex')
  const make = (form: string, around: (secret: string) => string, letters = hex(form)) => ({
    form,
    text: around(letters),
    secret: letters,
  })
  const upper = (form: string, length: number) => hex(form).toUpperCase().slice(0, length)
  const dashes = '-'.repeat(5)
  return [
    make('anthropic', (s) => `${'sk-'}ant-api03-${s}AA`),
    make('openai', (s) => `${'sk-'}proj-${s}`),
    make('openrouter', (s) => `${'sk-'}or-v1-${s}`),
    make('google', (s) => `${'AI'}za${s}`, `Sy${hex('google').slice(0, 33)}`),
    make('google-oauth', (s) => `${'ya'}29.a0${s}`),
    make('github', (s) => `${'gh'}p_${s}`, hex('github').slice(0, 36)),
    make('github-fine', (s) => `${'github'}_pat_11ABC_${s}`),
    make('gitlab', (s) => `${'gl'}pat-${s}`, hex('gitlab').slice(0, 20)),
    make('npm', (s) => `${'np'}m_${s}`, hex('npm').slice(0, 36)),
    make('aws', (s) => `${'AK'}IA${s}`, upper('aws', 16)),
    make('aws-secret', (s) => `aws_secret_access_key = ${s}`, `${hex('aws-secret').slice(0, 40)}`),
    make('slack', (s) => `${'xo'}xb-1234-${s}`),
    make('slack-hook', (s) => `https://hooks.slack.com/services/T0/B0/${s}`),
    make('stripe', (s) => `${'sk_'}live_${s}`),
    make('jwt', (s) => `${'ey'}JhbGciOiJIUzI1NiJ9.${'ey'}JzdWIiOiIx${s}.${s}`),
    make('bearer', (s) => `Authorization: Bearer ${s}`),
    make('basic', (s) => `authorization: Basic ${s}==`),
    make('cookie', (s) => `Cookie: session=${s}; a=${s}`),
    make('key-header', (s) => `x-api-key: ${s}`),
    make('address', (s) => `https://user:${s}@example.test/path`),
    make('address-token', (s) => `https://${s}@example.test/path`),
    make('database', (s) => `postgres://app:p@ss${s}@db.test:5432/app`),
    make('assignment', (s) => `export MY_SECRET_TOKEN=${s}`),
    make('quoted', (s) => `"password": "two words ${s}"`),
    make('option', (s) => `run --api-key ${s} now`),
    make(
      'private-key',
      (s) =>
        `${dashes}BEGIN RSA PRIVATE ${'KEY'}${dashes}\nMIIE${s}\n${s}\n${dashes}END RSA PRIVATE ${'KEY'}${dashes}`,
    ),
  ]
}

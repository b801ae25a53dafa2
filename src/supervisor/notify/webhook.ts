import { createHmac } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { codeOf } from '../domain/error.ts'
import type { Delivery, Webhook } from '../domain/notification.ts'
import type { Notice } from '../domain/ports.ts'
import { wordsFor } from './words.ts'

type Env = Readonly<Record<string, string | undefined>>

/**
 * Posts a notice, once; follows no redirect. What is signed is `<timestamp>.<body>`, so that a receiver
 * can refuse what is forged or old; the id is the same in every try. No answer holds the address.
 */
export async function post(
  webhook: Webhook,
  notice: Notice,
  { env, signal, now }: { env: Env; signal: AbortSignal; now: number },
): Promise<Delivery> {
  const body = bodyFor(webhook, notice)
  const timestamp = String(Math.floor(now / 1000))
  const secret = secretOf(webhook, env)
  if (secret !== null && typeof secret !== 'string') return secret
  const signature =
    secret === null
      ? {}
      : {
          'squadd-signature': `v1=${createHmac('sha256', secret).update(`${timestamp}.${body}`).digest('hex')}`,
        }
  try {
    const status = await send(webhook.url, body, signal, {
      'content-type': 'application/json',
      'user-agent': 'squadd',
      'squadd-event': notice.event.type,
      'squadd-delivery': `n${notice.id}`,
      'squadd-timestamp': timestamp,
      ...signature,
    })
    if (status >= 200 && status < 300) return { ok: true }
    const redirect = status >= 300 && status < 400 ? ', a redirect, which is not followed' : ''
    return { ok: false, problem: `it answered ${status}${redirect}` }
  } catch (error) {
    if (signal.aborted) return { ok: false, problem: 'it did not answer in time' }
    return { ok: false, problem: problemOf(error) }
  }
}

function bodyFor({ format }: Webhook, { id, rule, tries, event }: Notice): string {
  const text = wordsFor(event)
  // Slack takes these three for its own marks.
  if (format === 'slack')
    return JSON.stringify({ text: `squadd on ${hostname()}: ${escapeMarks(text)}` })
  // An event is recorded redacted: it goes out as it was recorded.
  return JSON.stringify({
    id: `n${id}`,
    notification: rule,
    try: tries,
    host: hostname(),
    text,
    event,
  })
}

const escapeMarks = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')

/** Read anew for each try: a secret may be changed while the daemon runs. */
function secretOf({ secret }: Webhook, env: Env): string | null | Delivery {
  if (secret === null) return null
  if ('env' in secret) {
    const value = env[secret.env]
    return value ? value : { ok: false, problem: `secretEnv ${secret.env} is not set here` }
  }
  try {
    const value = readFileSync(secret.file, 'utf8').trim()
    return value === '' ? { ok: false, problem: `secretFile ${secret.file} is empty` } : value
  } catch (error) {
    return {
      ok: false,
      problem: `secretFile ${secret.file} cannot be read (${codeOf(error) ?? 'error'})`,
    }
  }
}

/** The status of the answer; the rest of it is of no interest. */
async function send(
  url: string,
  body: string,
  signal: AbortSignal,
  headers: Record<string, string>,
): Promise<number> {
  const { request } = url.startsWith('https:')
    ? process.getBuiltinModule('node:https')
    : process.getBuiltinModule('node:http')
  return new Promise<number>((resolve, reject) => {
    const sent = request(url, { method: 'POST', headers, signal, agent: false }, (response) => {
      resolve(response.statusCode ?? 0)
      response.destroy()
    })
    sent.on('error', reject)
    sent.end(body)
  })
}

/** Only the kind of the error: its message may hold what stands in the address. */
const problemOf = (error: unknown): string => `it cannot be reached (${codeOf(error) ?? 'error'})`

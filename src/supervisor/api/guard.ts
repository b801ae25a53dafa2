import type { IncomingMessage } from 'node:http'
import { isLoopback } from '../domain/address.ts'
import { SquadError } from '../domain/error.ts'
import type { Failure } from './reply.ts'
import { failure } from './reply.ts'
import { isToken } from './token.ts'

const loopback = ['127.0.0.1', 'localhost', '[::1]']
const wildcards = ['0.0.0.0', '::', '[::]']

/** The `Host` headers that a listener at this address answers to. */
export function allowedHosts(host: string, port: number): ReadonlySet<string> {
  const own = host.includes(':') && !host.startsWith('[') ? `[${host}]` : host
  const names = wildcards.includes(host) ? loopback : [...loopback, own.toLowerCase()]
  const bare = port === 80 ? names : []
  return new Set([...bare, ...names.map((name) => `${name}:${port}`)])
}

/**
 * Judges a request that came over TCP, before anything else looks at it: Host (DNS rebinding), Origin
 * and Sec-Fetch-Site (web pages), token, and JSON for writes. Undefined lets it through.
 */
export function judge(
  request: IncomingMessage,
  hosts: ReadonlySet<string>,
  token: string,
): Failure | undefined {
  const foreign = judgeOrigin(request, hosts)
  if (foreign) return foreign
  if (!isToken(bearerOf(request), token))
    return failure(401, 'SQUADD_NOT_AUTHORISED', 'no token, or a wrong one', tokenHint)
  return judgeBody(request)
}

/** Where a request comes from: no other name for this host, and no web page. */
function judgeOrigin(request: IncomingMessage, hosts: ReadonlySet<string>): Failure | undefined {
  const [host = '', ...more] = request.headersDistinct['host'] ?? []
  if (more.length > 0 || !hosts.has(host.toLowerCase()))
    return failure(421, 'SQUADD_FORBIDDEN', 'this host is not served here', 'use 127.0.0.1')
  return judgePage(request)
}

/** The token that a request brings; empty when it brings none. */
export const bearerOf = ({ headers }: IncomingMessage): string =>
  /^Bearer +(\S+)$/i.exec(headers.authorization ?? '')?.[1] ?? ''

/** A write is JSON. */
export function judgeBody({ method, headers }: IncomingMessage): Failure | undefined {
  const type = headers['content-type']?.split(';')[0]?.trim().toLowerCase()
  if (method === 'GET' || type === 'application/json') return undefined
  return failure(415, 'SQUADD_INVALID', 'a write needs a JSON body', jsonHint)
}

/** No web page asks here: a browser says when one does. */
export function judgePage({ headers }: IncomingMessage): Failure | undefined {
  if (headers.origin !== undefined)
    return failure(403, 'SQUADD_FORBIDDEN', 'requests of web pages are refused')
  if (headers['sec-fetch-site'] === 'cross-site')
    return failure(403, 'SQUADD_FORBIDDEN', 'requests from other sites are refused')
  return undefined
}

/** Judges a request to the port of the metrics, which has no token and nothing else to tell. */
export function judgeScrape(
  request: IncomingMessage,
  hosts: ReadonlySet<string>,
): Failure | undefined {
  const { method, url } = request
  if (method !== 'GET' || url !== '/metrics')
    return failure(404, 'SQUADD_NOT_FOUND', 'here is only GET /metrics')
  return judgeOrigin(request, hosts)
}

/** Throws SQUADD_BAD_CONFIG for an address that others than this machine may reach. */
export function checkLoopback(host: string): void {
  if (isLoopback(host)) return
  throw new SquadError(
    'SQUADD_BAD_CONFIG',
    `the metrics cannot listen on ${host}: no token there`,
    {
      field: 'metricsListen',
      value: host,
      hint: 'use 127.0.0.1:9464, or scrape --listen with the token',
    },
  )
}

const tokenHint = 'send Authorization: Bearer with what the token file holds'
const jsonHint = 'send content-type: application/json'

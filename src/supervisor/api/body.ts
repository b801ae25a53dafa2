import type { FastifyInstance, FastifyRequest } from 'fastify'
import { invalid, SquadError } from '../domain/error.ts'
import type { EndpointName } from './endpoints.ts'
import { endpoints } from './endpoints.ts'

/** Reads bodies as JSON in sound UTF-8 and nothing else; an empty one counts as none. */
export function readJson(app: FastifyInstance): void {
  const parse = app.getDefaultJsonParser('error', 'error')
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('application/json', { parseAs: 'buffer' }, (request, body, done) => {
    if (body.length === 0) return done(null, undefined)
    let text: string
    try {
      text = new TextDecoder('utf-8', { fatal: true }).decode(body as Buffer)
    } catch {
      return done(badBody('is not UTF-8', 'send JSON in UTF-8'))
    }
    if (isDeep(text)) return done(badBody(`is nested deeper than ${deepest} levels`, 'flatten it'))
    void parse(request, text, done)
  })
}

const badBody = (problem: string, hint: string): SquadError =>
  new SquadError('SQUADD_INVALID', `the body ${problem}`, { field: 'body', hint })

// More than anybody means, and less than what walks it again can bear.
const deepest = 32

/** Whether a JSON text nests deeper; looks at nothing but brackets and quotes. */
function isDeep(text: string): boolean {
  let depth = 0
  let quoted = false
  for (let i = 0; i < text.length; i += 1) {
    const char = text[i]
    if (char === '"') quoted = !quoted
    else if (quoted) i += char === '\\' ? 1 : 0
    else if (char === '{' || char === '[') depth += 1
    else if (char === '}' || char === ']') depth -= 1
    if (depth > deepest) return true
  }
  return false
}

/**
 * The input of an endpoint as one object: `:id` of the path, and the query, or for a POST the body.
 * Throws SQUADD_INVALID for what stands in the wrong one of them.
 */
export function fieldsOf(request: FastifyRequest, name: EndpointName): unknown {
  const { method, path, reply } = endpoints[name]
  const query = request.query as Record<string, unknown>
  if (method === 'POST')
    for (const [field, value] of Object.entries(query))
      throw invalid(field, value, 'stands in the query', 'put it into the body')
  const given = method === 'POST' ? (request.body ?? {}) : { ...query }
  if (!isObject(given)) return given
  if (path.includes(':id')) {
    if (Object.hasOwn(given, 'id'))
      throw invalid('id', given['id'], 'stands in the path already', 'leave it out')
    return { ...given, ...(request.params as object) }
  }
  // How a browser or client says where it left off; it knows better than its first address.
  const last = request.headers['last-event-id']
  return reply === 'events' && last !== undefined ? { ...given, since: last } : given
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

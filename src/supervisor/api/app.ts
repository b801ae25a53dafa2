import type { IncomingMessage } from 'node:http'
import { Readable } from 'node:stream'
import fastify from 'fastify'
import type { FastifyInstance, FastifyReply } from 'fastify'
import type { z } from 'zod'
import { SquadError } from '../domain/error.ts'
import type { SquadEvent } from '../domain/event.ts'
import { failpoint } from '../failpoint/failpoint.ts'
import type { AgentDoor } from '../domain/squad.ts'
import { refusalOf } from './agent-access.ts'
import { fieldsOf, readJson } from './body.ts'
import type { Endpoint, EndpointName } from './endpoints.ts'
import { endpoints } from './endpoints.ts'
import type { Pace } from './events.ts'
import { sendEvents } from './events.ts'
import { readInput } from './input.ts'
import { redact } from '../domain/redact.ts'
import type { Failure } from './reply.ts'
import { errorReply, safeHeaders, toFailure } from './reply.ts'
import type { Call, Context, Text } from './route.ts'
import { routes } from './routes.ts'
import type { Traffic, TrafficMeter } from './traffic.ts'
import type { RedactLarge } from './view.ts'
import { jsonView } from './view.ts'

export type AppOptions = {
  context: Context
  /** What the sender of a request may do; undefined for the operator. */
  doorOf(request: IncomingMessage): AgentDoor | undefined
  traffic: Traffic
  maxBodyBytes: number
  maxSubscribers: number
  pace: Pace
  meter: TrafficMeter
  /** Redacts what would hold up the event loop. */
  redactLarge: RedactLarge
  /** Told of errors that are ours, not the client's. */
  onDefect(error: unknown): void
}

/** A row of `routes` as the framework sees it; the table itself has checked that its parts fit. */
type Row = {
  input: z.ZodType
  status: number
  handle(context: Context, input: unknown, call: Call): unknown
}

/** The endpoints as one request handler, bound to no socket. */
export function createApp(options: AppOptions): FastifyInstance {
  const { context, traffic, maxBodyBytes } = options
  const answerError = (error: unknown, reply: FastifyReply) => {
    const failure = toFailure(error, traffic.closing)
    // Whoever waited and went away gets no answer: that is nobody's mistake.
    const isGone = reply.raw.destroyed && (error as Error | null)?.name === 'AbortError'
    if (failure.error.code === 'SQUADD_INTERNAL' && !isGone) options.onDefect(error)
    return answer(failure, reply)
  }
  const app = fastify({
    bodyLimit: maxBodyBytes,
    exposeHeadRoutes: false,
    // A name that is too long is a name that nothing has.
    routerOptions: { maxParamLength: 16_384 },
    // Input is checked by readInput: this keeps fastify from loading two compilers for nobody.
    schemaController: { compilersFactory: { buildValidator: unused, buildSerializer: unused } },
    frameworkErrors: (error, _request, reply) => void answerError(error, reply),
  })
  app.setErrorHandler((error, _request, reply) => answerError(error, reply))
  app.setNotFoundHandler((request, reply) => answerError(noRoute(request), reply))
  readJson(app)
  const subscribe = subscription(options)

  for (const name of Object.keys(endpoints) as EndpointName[]) {
    const { method, path, reply: kind, waits }: Endpoint = endpoints[name]
    const row = routes[name] as unknown as Row
    app.route({
      method,
      url: path,
      handler: async (request, reply) => {
        traffic.routed(reply.raw, { method, path }, waits === true || kind === 'events')
        const door = options.doorOf(request.raw)
        const refusal = refusalOf(name, door)
        if (refusal) return answer(refusal, reply)
        const input = readInput(row.input, fieldsOf(request, name))
        const signal = traffic.signalOf(reply.raw)
        const { accept } = request.headers
        const result = await row.handle(context, input, { signal, door, accept })
        if (method !== 'GET') failpoint('api.before_reply')
        switch (kind) {
          case 'json':
            return reply
              .code(row.status)
              .headers(safeHeaders)
              .type('application/json; charset=utf-8')
              .send(await jsonView(result, options.redactLarge))
          case 'text':
            return sendText(reply, result as string | Uint8Array | Text)
          case 'bytes':
            return sendBytes(reply, result as AsyncIterable<Uint8Array>)
          case 'events':
            return subscribe(reply, result as AsyncIterable<readonly SquadEvent[]>, signal)
        }
      },
    })
  }
  return app
}

function answer(failure: Failure, reply: FastifyReply) {
  const { headers, body } = errorReply(failure)
  return reply.code(failure.status).headers(headers).send(body)
}

const unused = () => (): never => {
  throw new SquadError('SQUADD_INTERNAL', 'no route has a schema')
}

function noRoute({ method, url }: { method: string; url: string }): SquadError {
  const what = `${method} ${url.split('?')[0]}`
  const hint = 'GET /openapi.json lists what there is'
  return new SquadError('SQUADD_NOT_FOUND', `there is no ${what}`, { hint })
}

/** Bytes are a patch, which somebody may want to apply: whole. */
function sendText(reply: FastifyReply, result: string | Uint8Array | Text) {
  const { contentType, text } =
    typeof result === 'string' || result instanceof Uint8Array
      ? {
          contentType: 'text/plain; charset=utf-8',
          text: typeof result === 'string' ? redact(result) : result,
        }
      : result
  return reply.headers(safeHeaders).type(contentType).send(text)
}

function sendBytes(reply: FastifyReply, bytes: AsyncIterable<Uint8Array>) {
  const stream = Readable.from(bytes, { objectMode: false })
  return reply.headers(safeHeaders).type('application/octet-stream').send(stream)
}

function subscription({ maxSubscribers, pace, meter }: AppOptions) {
  let subscribers = 0
  return async (
    reply: FastifyReply,
    events: AsyncIterable<readonly SquadEvent[]>,
    gone: AbortSignal,
  ) => {
    if (subscribers >= maxSubscribers) {
      meter.subscriberDropped('refused')
      throw new SquadError('SQUADD_BUSY', `there are ${subscribers} event streams already`, {
        hint: 'end one of them',
      })
    }
    subscribers += 1
    const left = meter.subscribed()
    reply.hijack()
    const end = await sendEvents(events, reply.raw, gone, pace)
    if (end === 'stalled') meter.subscriberDropped('stalled')
    left()
    subscribers -= 1
  }
}

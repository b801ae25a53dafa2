import { createHmac, timingSafeEqual } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import { parseAgentToken } from '../domain/agent-token.ts'
import type { AgentDoor, Squad } from '../domain/squad.ts'
import type { EndpointName } from './endpoints.ts'
import { endpoints } from './endpoints.ts'
import { bearerOf, judgeBody, judgePage } from './guard.ts'
import type { Failure } from './reply.ts'
import { failure } from './reply.ts'

/** What an agent's program sends is short. */
const longestBody = 16_384

/** The secret that one agent's host seals tokens with; the home's `secret` makes all of them. */
export const secretOfAgent = (secret: string, key: string): string =>
  createHmac('sha256', secret).update(key).digest('hex')

/** Who may ask what on the agents' socket: only who brings a token, and only for its own task. */
export class AgentAccess {
  readonly #squad: Pick<Squad, 'agentDoor'>
  readonly #secret: string
  readonly #doors = new WeakMap<IncomingMessage, AgentDoor>()

  constructor(squad: Pick<Squad, 'agentDoor'>, secret: string) {
    this.#squad = squad
    this.#secret = secret
  }

  /** Judges a request before anything else looks at it. */
  admit(request: IncomingMessage): Failure | undefined {
    const { headers } = request
    const page = judgePage(request)
    if (page) return page
    const door = this.#doorFor(bearerOf(request))
    if (!door) return failure(401, 'SQUADD_NOT_AUTHORISED', 'no token, or its task is over')
    const length = Number(headers['content-length'] ?? 0)
    if ('transfer-encoding' in headers || length > longestBody)
      return failure(
        413,
        'SQUADD_TOO_LARGE',
        'the body is too large',
        `send at most ${longestBody}`,
      )
    const body = length > 0 ? judgeBody(request) : undefined
    if (body) return body
    this.#doors.set(request, door)
    return undefined
  }

  /** What the sender of a request may do; undefined for the operator. */
  doorOf(request: IncomingMessage): AgentDoor | undefined {
    return this.#doors.get(request)
  }

  #doorFor(token: string): AgentDoor | null {
    const parsed = parseAgentToken(token)
    if (!parsed) return null
    const { agent, start, seal } = parsed
    const ours = createHmac('sha256', secretOfAgent(this.#secret, agent)).update(start).digest()
    return timingSafeEqual(ours, Buffer.from(seal, 'hex')) ? this.#squad.agentDoor(parsed) : null
  }
}

/** Why an endpoint is not for who asks; undefined when it is. The server decides, never the client. */
export function refusalOf(name: EndpointName, door: AgentDoor | undefined): Failure | undefined {
  const endpoint = endpoints[name]
  const scope = 'scope' in endpoint ? endpoint.scope : 'operator'
  if (scope === 'all' || (scope === 'agent') === (door !== undefined)) return undefined
  door?.refused(`${endpoint.method} ${endpoint.path}`)
  return door
    ? failure(403, 'SQUADD_FORBIDDEN', 'this is for the operator, not for agents', agentHint)
    : failure(403, 'SQUADD_FORBIDDEN', 'this is for the program of an agent', operatorHint)
}

const agentHint = 'an agent may ask for /v1/own and tell /v1/own/report how far it is'
const operatorHint = 'use the socket and the token that the program was given'

import { once } from 'node:events'
import type { IncomingMessage, Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { messageOf, SquadError } from '../domain/error.ts'
import { AgentAccess } from './agent-access.ts'
import { createApp } from './app.ts'
import type { Pace } from './events.ts'
import { allowedHosts, checkLoopback, judge, judgeScrape } from './guard.ts'
import { createServer as createHttpServer } from './http.ts'
import type { Failure } from './reply.ts'
import { refuse, toFailure } from './reply.ts'
import type { Context } from './route.ts'
import { bindSocket } from './socket.ts'
import type { TrafficMeter } from './traffic.ts'
import { Traffic } from './traffic.ts'
import type { RedactLarge } from './view.ts'
import { redactHere } from './view.ts'

export type ServerOptions = Pick<Context, 'squad' | 'metrics' | 'control'> & {
  /** Needed for TCP. */
  token?: string
  /** Makes the secrets that seal tokens of agents; needed for their socket. */
  agentSecret?: string
  /** May tasks run? Default: always. */
  ready?: () => boolean
  /** Told of every request. Default: nobody is. */
  meter?: TrafficMeter
  /** Told of errors that are ours, not the client's. Default: nobody is. */
  onDefect?: (error: unknown) => void
  /** Redacts a large reply on another thread, as JSON. Default: on this one. */
  redactLarge?: RedactLarge
  /** Of a request's body. Default 64 MiB: a batch of tasks. */
  maxBodyBytes?: number
  /** Event streams at a time. Default 500. */
  maxSubscribers?: number
  /** Of event streams. Default: a sign of life each 15 s, 30 s without reading end it. */
  pace?: Pace
  /** How long other requests may go on when the server closes. Default 2 s. */
  closeGraceMs?: number
}

export type ApiServer = {
  /**
   * Only for the holder of the daemon's lock: a socket found at `path` is a dead one's, and replaced.
   * Throws SQUADD_BAD_CONFIG when something else is there or it cannot listen.
   */
  listenUnix(path: string): Promise<void>
  /** The same for the programs of agents, who may do little. */
  listenAgents(path: string): Promise<void>
  /** Port 0 takes a free one. Throws SQUADD_BAD_CONFIG without a token or when it cannot listen. */
  listenTcp(host: string, port: number): Promise<{ host: string; port: number }>
  /**
   * Serves `GET /metrics` without a token, and nothing else: only on a loopback address. Throws
   * SQUADD_BAD_CONFIG for another one or when it cannot listen.
   */
  listenMetrics(host: string, port: number): Promise<{ host: string; port: number }>
  /** Ends streams and waits, lets other requests finish for a while, closes every connection. */
  close(): Promise<void>
}

/** More of them wait until others are gone. */
const agentConnections = 100

/** The API of a squad. It listens to nobody until told. */
export function createServer(options: ServerOptions): ApiServer {
  const { squad, metrics, control, token } = options
  const meter = options.meter ?? unmetered
  const traffic = new Traffic(meter)
  const context: Context = {
    squad,
    metrics,
    control,
    ready: options.ready ?? (() => true),
    openapi: async () => {
      const { describeApi } = await import('./openapi.ts')
      return describeApi(squad.status().version)
    },
  }
  const access = new AgentAccess(squad, options.agentSecret ?? '')
  const app = createApp({
    context,
    doorOf: (request) => access.doorOf(request),
    traffic,
    maxBodyBytes: options.maxBodyBytes ?? 64 * 1024 * 1024,
    maxSubscribers: options.maxSubscribers ?? 500,
    meter,
    pace: options.pace ?? { heartbeatMs: 15_000, stallMs: 30_000 },
    redactLarge: options.redactLarge ?? redactHere,
    onDefect: (error) => options.onDefect?.(error),
  })
  const servers: Server[] = []
  const unlinks: (() => void)[] = []

  const open = (admit: (request: IncomingMessage) => Failure | undefined): Server => {
    const server = createHttpServer({ keepAliveTimeout: 72_000 }, (request, response) => {
      traffic.enter(response)
      const refusal = traffic.closing ? toFailure(undefined, true) : admit(request)
      if (refusal) refuse(response, refusal)
      else app.routing(request, response)
    })
    servers.push(server)
    return server
  }

  const bind = async (server: Server, path: string) => {
    await app.ready()
    unlinks.push(await bindSocket(server, path))
  }

  return {
    listenUnix: (path) =>
      bind(
        open(() => undefined),
        path,
      ),
    async listenAgents(path) {
      if (!options.agentSecret)
        throw new SquadError('SQUADD_BAD_CONFIG', 'agents need tokens', {
          hint: 'hand a secret in',
        })
      const server = open((request) => access.admit(request))
      server.maxConnections = agentConnections
      await bind(server, path)
    },
    async listenTcp(host, port) {
      if (!token)
        throw new SquadError('SQUADD_BAD_CONFIG', 'TCP needs a token', { hint: 'hand one in' })
      await app.ready()
      let hosts: ReadonlySet<string> = new Set()
      const server = open((request) => judge(request, hosts, token))
      const address = await listen(server, host, port)
      hosts = allowedHosts(host, address.port)
      return address
    },
    async listenMetrics(host, port) {
      checkLoopback(host)
      await app.ready()
      let hosts: ReadonlySet<string> = new Set()
      const server = open((request) => judgeScrape(request, hosts))
      const address = await listen(server, host, port)
      hosts = allowedHosts(host, address.port)
      return address
    },
    async close() {
      for (const unlink of unlinks.splice(0)) unlink()
      const closed = servers.map(
        (server) => new Promise<void>((resolve) => server.close(() => resolve())),
      )
      await traffic.close(options.closeGraceMs ?? 2_000)
      for (const server of servers) server.closeAllConnections()
      await Promise.all(closed)
      await app.close()
    },
  }
}

const unmetered: TrafficMeter = {
  answered() {},
  subscribed: () => () => {},
  subscriberDropped() {},
}

async function listen(server: Server, host: string, port: number) {
  const listening = once(server, 'listening')
  server.listen({ host: host.replace(/^\[(.*)\]$/, '$1'), port })
  try {
    await listening
  } catch (error) {
    const problem = messageOf(error)
    throw new SquadError(
      'SQUADD_BAD_CONFIG',
      `cannot listen on ${host}:${port}: ${problem}`,
      { hint: 'choose another address or port' },
      error,
    )
  }
  return { host, port: (server.address() as AddressInfo).port }
}

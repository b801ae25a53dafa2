import type { z } from 'zod'
import type { Config } from '../domain/config.ts'
import type { AgentDoor, Squad } from '../domain/squad.ts'
import type { EndpointName, endpoints } from './endpoints.ts'

/** How a daemon is asked to stop. */
export type StopRequest = {
  /** How long running tasks may go on: 0 = not at all, null = as the configuration says. */
  drainMs: number | null
  /** End the agents too; else they stay in tmux and the next start adopts them. */
  stopAgents: boolean
}

/** What would not stop, and why. */
export type StopReport = { unstopped: { name: string; error: string }[] }

/** What the owner of the process hands in. */
export type Control = {
  /** Stops; answers when the agents are let go, before the API itself closes. */
  stop(request: StopRequest): Promise<StopReport>
  /** Reads the configuration again and answers with it. Throws SQUADD_BAD_CONFIG. */
  reload(): Config | Promise<Config>
}

export type Text = { contentType: string; text: string | Uint8Array }

/** What handlers work with. */
export type Context = {
  squad: Squad
  control: Control
  /** In the format that an `Accept` header likes best. */
  metrics: (accept?: string) => Promise<Text>
  /** May tasks run? */
  ready: () => boolean
  openapi: () => Promise<Record<string, unknown>>
}

/**
 * One request: `signal` aborts when the client goes away or the server closes; `door` is what an
 * agent's program may do, for nobody else.
 */
export type Call = {
  signal: AbortSignal
  door?: AgentDoor | undefined
  accept?: string | undefined
}

type ReplyOf<N extends EndpointName, Out extends z.ZodType> = {
  json: z.output<Out>
  text: string | Uint8Array | Text
  bytes: AsyncIterable<Uint8Array>
  events: AsyncIterable<readonly z.output<Out>[]>
}[(typeof endpoints)[N]['reply']]

/** What an endpoint takes and gives. A field named in the path by `:id` is taken from there. */
type Route<N extends EndpointName, In extends z.ZodType, Out extends z.ZodType> = {
  input: In
  output: Out
  status: 200 | 201
  handle(
    context: Context,
    input: z.output<In>,
    call: Call,
  ): ReplyOf<N, Out> | Promise<ReplyOf<N, Out>>
}

/** A row of the table: what belongs to `_name` has to fit its kind of reply. */
export const route = <N extends EndpointName, In extends z.ZodType, Out extends z.ZodType>(
  _name: N,
  row: Omit<Route<N, In, Out>, 'status'> & { status?: 201 },
): Route<N, In, Out> => ({ status: 200, ...row })

import { mkdtempSync, rmSync } from 'node:fs'
import { request } from 'node:http'
import type { IncomingHttpHeaders } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import type { Client } from '../../src/supervisor/api/client.ts'
import { connect } from '../../src/supervisor/api/client.ts'
import type { ApiServer, ServerOptions } from '../../src/supervisor/api/server.ts'
import { createServer } from '../../src/supervisor/api/server.ts'
import { defaults } from '../../src/supervisor/domain/config.ts'
import { FakeSquad } from './fake-squad.ts'

type Test = { teardown(end: () => unknown): void }

export type Api = {
  squad: FakeSquad
  server: ApiServer
  client: Client
  socket: string
  /** What the server reported as its own mistakes. */
  defects: unknown[]
}

/** A short folder: a socket's path has to fit into it. */
export function scratch(t: Test): string {
  const dir = mkdtempSync(join(tmpdir(), 'squadd-scratch-'))
  t.teardown(() => rmSync(dir, { recursive: true, force: true }))
  return dir
}

/** A server with a fake squad, not listening yet. */
export function makeServer(squad = new FakeSquad(), options: Partial<ServerOptions> = {}) {
  const defects: unknown[] = []
  const server = createServer({
    squad,
    metrics: async () => ({ contentType: 'text/plain; version=0.0.4', text: 'squadd_up 1\n' }),
    control: { stop: async () => ({ unstopped: [] }), reload: () => defaults },
    onDefect: (error) => defects.push(error),
    ...options,
  })
  return { squad, server, defects }
}

/** A server on a Unix socket and a client of it, both closed at the end of the test. */
export async function openApi(t: Test, options: Partial<ServerOptions> = {}): Promise<Api> {
  const socket = join(scratch(t), 'squadd.sock')
  const made = makeServer(new FakeSquad(), options)
  await made.server.listenUnix(socket)
  const client = connect({ socket })
  t.teardown(async () => {
    client.close()
    await made.server.close()
  })
  return { ...made, client, socket }
}

export type Reply = { status: number; headers: IncomingHttpHeaders; text: string }

type Place = { socketPath: string } | { host: string; port: number }

/** One request as any program would make it, on a connection of its own. */
export async function ask(
  place: Place,
  method: string,
  path: string,
  { headers = {}, body }: { headers?: Record<string, string>; body?: string | Uint8Array } = {},
): Promise<Reply> {
  const sent = request({ ...place, method, path, headers, agent: false })
  const answered = new Promise<Reply>((resolve, reject) => {
    sent.on('error', reject).on('response', (response) => {
      const { statusCode: status = 0, headers: given } = response
      text(response).then((all) => resolve({ status, headers: given, text: all }), reject)
    })
  })
  sent.end(body)
  return answered
}

import type { Command } from 'commander'
import type { Client } from '../src/supervisor/api/client.ts'
import type { Home } from '../src/supervisor/api/local.ts'
import { resolveHome } from '../src/supervisor/api/local.ts'

/** What a command works with: its home and, once it asks, the daemon there. */
export class Session {
  readonly home: Home
  readonly json: boolean
  /** The folder that was named for everything, by option or environment. */
  readonly root: string | undefined
  #client: Client | undefined

  constructor({ home, json = false }: { home?: string; json?: boolean }) {
    const { env } = process
    this.home = resolveHome({ ...(home === undefined ? {} : { home }), env })
    this.json = json
    this.root = home ?? (env['SQUADD_HOME'] ? this.home.root : undefined)
  }

  async client(): Promise<Client> {
    const { connect } = await import('../src/supervisor/api/client.ts')
    const { SQUADD_SOCKET: socket, SQUADD_TOKEN: token } = process.env
    // In the program of an agent it speaks for that one, unless a home is named.
    const isAgent = socket && token && this.root === undefined
    this.#client ??= connect(isAgent ? { socket, token } : this.home)
    return this.#client
  }

  get isConnected(): boolean {
    return this.#client !== undefined
  }

  close(): void {
    this.#client?.close()
  }
}

/** The handler of a command: its arguments in order and its options. */
export const act =
  <A extends unknown[], O extends object = object>(
    work: (session: Session, args: A, options: O) => Promise<void>,
  ) =>
  async (...given: unknown[]): Promise<void> => {
    const command = given.at(-1) as Command
    const session = new Session(command.optsWithGlobals())
    try {
      await work(session, command.processedArgs as A, command.opts<O>())
    } catch (error) {
      const { tellSkew } = await import('./skew.ts')
      await tellSkew(session, error)
      throw error
    } finally {
      session.close()
    }
  }

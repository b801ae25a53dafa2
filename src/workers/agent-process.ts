import { fork } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { closeSync, openSync } from 'node:fs'
import { getCompileCacheDir } from 'node:module'
import { dirname } from 'node:path'
import type { FromHost, HostSetup } from '../supervisor/domain/message.ts'
import type { AgentHost, AgentHosts, HostEnd, HostEvents } from '../supervisor/domain/ports.ts'
import { failing, failpointEnvironment } from '../supervisor/failpoint/failpoint.ts'
import { clearAgent } from './agent-clear.ts'
import { entryFile } from './entry.ts'

export type AgentHostsOptions = {
  /** Gets what hosts print, which is only what they cannot say otherwise. Default: nothing does. */
  logFile?: string
  /** Hosts do not keep this process alive. Default false. */
  background?: boolean
}

// One small process an agent: few threads, a heap that cannot hide a leak, and no timer of V8 that wakes
// it every 8 s to ask whether memory could be given back: at rest it has nothing to give.
const nodeOptions = [
  '--v8-pool-size=1',
  '--max-old-space-size=256',
  '--no-memory-reducer',
  '--disable-warning=ExperimentalWarning',
]

/** Agent hosts as forked processes of their own session, so that no terminal's signal meets them. */
export function createAgentHosts(options: AgentHostsOptions = {}): AgentHosts {
  return {
    fork(setup, events) {
      const child = forkHost(setup, options)
      if (options.background && !(child instanceof Error)) {
        child.unref()
        child.channel?.unref()
      }
      return new ForkedHost(child, events)
    },
    clear: clearAgent,
  }
}

function forkHost(setup: HostSetup, { logFile }: AgentHostsOptions): ChildProcess | Error {
  let log: number | undefined
  try {
    log = logFile === undefined ? undefined : openSync(logFile, 'a', 0o600)
    const output = log ?? 'ignore'
    return failing('host.fork', () =>
      fork(entryFile('agent-main', 'agent-host'), [], {
        detached: true,
        serialization: 'advanced',
        execArgv: nodeOptions,
        env: {
          ...hostEnvironment(setup.env),
          ...failpointEnvironment(process.env),
          ...compiledCode(),
        },
        stdio: ['ignore', output, output, 'ipc'],
      }),
    )
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error))
  } finally {
    if (log !== undefined) closeSync(log)
  }
}

/** What the host itself and its git need; the agent's variables are not among them. */
function hostEnvironment(env: Record<string, string>): Record<string, string> {
  const names = ['PATH', 'HOME', 'USER', 'LANG', 'TMPDIR', 'XDG_CONFIG_HOME']
  return Object.fromEntries(
    names.flatMap((name) => (env[name] === undefined ? [] : [[name, env[name]]])),
  )
}

/**
 * Compiled code is kept where ours is: from source a host is up with a third of the CPU. What we are told
 * is the folder of this version of Node, in the one that is wanted.
 */
function compiledCode(): Record<string, string> {
  const folder = getCompileCacheDir()
  return folder === undefined ? {} : { NODE_COMPILE_CACHE: dirname(folder) }
}

class ForkedHost implements AgentHost {
  readonly #child: ChildProcess | null
  readonly #events: HostEvents
  #hasExited = false

  constructor(child: ChildProcess | Error, events: HostEvents) {
    this.#events = events
    this.#child = child instanceof Error ? null : child
    if (child instanceof Error) {
      // Not before the caller has this object.
      setImmediate(() => this.#exited(`could not be forked: ${child.message}`, 'fork'))
      return
    }
    child.on('message', (message: FromHost) => {
      if (!this.#hasExited) events.message(message)
    })
    // Without free file numbers there is a child without channel, an error, and no exit.
    child.on('error', (error) => {
      if (child.pid === undefined) this.#exited(`could not be forked: ${error.message}`, 'fork')
    })
    child.on('exit', (code, signal) =>
      signal
        ? this.#exited(`killed by ${signal}`, 'signal')
        : this.#exited(`exit status ${code}`, 'exit'),
    )
  }

  get pid(): number {
    return this.#child?.pid ?? 0
  }

  send(message: Parameters<AgentHost['send']>[0]): void {
    // A message to a host that is going is lost: the next one finds out by itself.
    if (this.#child?.connected) this.#child.send(message, () => {})
  }

  detach(): void {
    if (this.#child?.connected) this.#child.disconnect()
  }

  kill(): void {
    if (!this.#hasExited) this.#child?.kill('SIGKILL')
  }

  #exited(reason: string, kind: HostEnd): void {
    if (this.#hasExited) return
    this.#hasExited = true
    this.#events.exit(reason, kind)
  }
}

import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { text } from 'node:stream/consumers'
import type { ServerOptions } from '../../src/supervisor/api/server.ts'
import { makeServer, scratch } from './api.ts'
import { FakeSquad } from './fake-squad.ts'

export const bin = resolve(import.meta.dirname, '../../bin/squadd.js')

type Test = { teardown(end: () => unknown): void }

export type Ended = {
  code: number | null
  signal: NodeJS.Signals | null
  stdout: string
  stderr: string
}

export type Call = {
  stdin?: string
  env?: Record<string, string>
  /** The Node that runs it. Default: this one. */
  node?: string
}

/** The command line as a process of its own, with a home of its own. */
export class CommandLine {
  readonly home: string

  constructor(home: string) {
    this.home = home
  }

  start(args: readonly string[], { env = {}, node = process.execPath }: Call = {}): ChildProcess {
    // tap would load its own code into every Node process: this is about ours.
    return spawn('env', ['-u', 'NODE_OPTIONS', node, bin, ...args], {
      env: { ...process.env, SQUADD_HOME: this.home, ...env },
      stdio: 'pipe',
    })
  }

  /** Runs a command to its end. */
  async run(args: readonly string[], call: Call = {}): Promise<Ended> {
    const child = this.start(args, call)
    child.stdin?.end(call.stdin ?? '')
    const [[code, signal], stdout, stderr] = await Promise.all([
      once(child, 'exit') as Promise<[number | null, NodeJS.Signals | null]>,
      text(child.stdout!),
      text(child.stderr!),
    ])
    return { code, signal, stdout, stderr }
  }

  /** The value that a command prints for programs; it must succeed. */
  async json(...args: string[]): Promise<unknown> {
    const { code, stdout, stderr } = await this.run([...args, '--json'])
    if (code !== 0) throw new Error(`squadd ${args.join(' ')}: exit ${code}: ${stderr}`)
    return JSON.parse(stdout)
  }
}

/** A home where nobody runs. */
export const emptyHome = (t: Test): CommandLine => new CommandLine(join(scratch(t), 'home'))

/** A home where a fake squad is served. */
export async function servedHome(t: Test, options: Partial<ServerOptions> = {}) {
  const cli = emptyHome(t)
  mkdirSync(join(cli.home, 'run'), { recursive: true, mode: 0o700 })
  const { server, squad } = makeServer(new FakeSquad(), options)
  await server.listenUnix(join(cli.home, 'run', 'squadd.sock'))
  t.teardown(() => server.close())
  return { cli, squad, server }
}

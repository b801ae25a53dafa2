import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, realpathSync, rmSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Test } from 'tap'
import { createAgent } from '../../src/supervisor/domain/agent.ts'
import type { AgentInput } from '../../src/supervisor/domain/agent.ts'
import type {
  AttemptOrder,
  FromHost,
  HostSetup,
  ToHost,
  Verdict,
} from '../../src/supervisor/domain/message.ts'
import type { StopReason } from '../../src/supervisor/domain/task.ts'
import type { AgentHost } from '../../src/supervisor/domain/ports.ts'
import { createAgentHosts } from '../../src/workers/agent-process.ts'
import { createOutboxWatch } from '../../src/workers/outbox-watch.ts'
import { argumentsOf, startedWith } from '../../src/workers/processes.ts'
import { agentProcesses, runVariable } from '../../src/workers/tmux-processes.ts'

type Kind = FromHost['kind']
type Message<K extends Kind> = Extract<FromHost, { kind: K }>

let agents = 0

/** A real agent with its worktree, driven as the supervisor drives it: forked host, real tmux. */
export class TestAgent {
  readonly home: string
  readonly setup: HostSetup
  readonly hosts: ReturnType<typeof createAgentHosts>
  host: AgentHost | null = null
  /** Everything that was heard, in order. */
  readonly heard: FromHost[] = []
  #waiting: { look: () => void; fail: (error: Error) => void }[] = []
  #unwatch = () => {}
  #gone: Promise<string> = Promise.resolve('never came up')
  #tasks = 0

  constructor(input: Partial<AgentInput> = {}, limits: Partial<HostSetup> = {}, place = 'home') {
    const root = mkdtempSync(join(realpathSync(tmpdir()), 'sq-'))
    this.home = join(root, place)
    const worktree = join(this.home, 'tree')
    mkdirSync(worktree, { recursive: true })
    execFileSync('git', ['init', '-q', worktree])
    commitAll(worktree, 'first')
    const dir = join(this.home, 'agent')
    this.hosts = createAgentHosts({ logFile: join(this.home, 'host.log') })
    this.setup = {
      spec: createAgent({ id: 'one', repo: worktree, ...input }),
      runPrefix: `test${process.pid}/a${++agents}`,
      dir,
      outbox: join(dir, 'outbox'),
      logs: join(this.home, 'logs'),
      socket: join(root, 'tmux.sock'),
      worktree,
      env: { PATH: process.env['PATH'] ?? '', HOME: this.home, LANG: 'C.UTF-8', TERM: 'dumb' },
      conversation: null,
      outputLimitBytes: 1_048_576,
      outputTailBytes: 65_536,
      stopGraceMs: 300,
      current: null,
      ...limits,
    }
  }

  /** Forks a host and waits until it is ready; `current` is what the store calls running. */
  async start(current: HostSetup['current'] = null): Promise<Message<'ready'>> {
    const setup = { ...this.setup, current }
    this.#unwatch()
    this.#unwatch = createOutboxWatch().watch(setup.outbox, (names) =>
      this.send(names ? { kind: 'facts', names } : { kind: 'scan' }),
    )
    const ready = this.next('ready')
    this.#gone = this.fork(setup)
    return ready
  }

  /** Forks a host; resolves with how it went, and fails whoever waits for it then. */
  fork(setup: HostSetup): Promise<string> {
    return new Promise((resolve) => {
      const host = this.hosts.fork(setup, {
        message: (message) => {
          this.heard.push(message)
          for (const { look } of this.#waiting) look()
        },
        exit: (reason) => {
          const told = this.heard.filter(({ kind }) => kind === 'log' || kind === 'broken')
          if (this.host === host)
            for (const { fail } of this.#waiting.splice(0))
              fail(new Error(`the host is gone: ${reason} ${JSON.stringify(told)}`))
          resolve(reason)
        },
      })
      this.host = host
      host.send({ kind: 'init', setup })
    })
  }

  send(message: ToHost): void {
    this.host?.send(message)
  }

  /** The next message of that kind from now on. */
  next<K extends Kind>(kind: K, fits: (message: Message<K>) => boolean = () => true) {
    const from = this.heard.length
    const message = new Promise<Message<K>>((resolve, reject) => {
      const look = () => {
        const found = this.heard
          .slice(from)
          .find((one): one is Message<K> => one.kind === kind && fits(one as Message<K>))
        if (!found) return
        this.#waiting = this.#waiting.filter((one) => one.look !== look)
        resolve(found)
      }
      this.#waiting.push({ look, fail: reject })
    })
    message.catch(() => {})
    return message
  }

  order(prompt: string, verify: string[] | null = null): AttemptOrder {
    return { key: `t${++this.#tasks}-1`, prompt, verify }
  }

  /** Gives an order and waits for its verdict. */
  async verdict(order: AttemptOrder): Promise<Verdict> {
    const verdict = this.verdictOn(order)
    this.send({ kind: 'run', order })
    return verdict
  }

  /** The next verdict on an order. */
  async verdictOn(order: AttemptOrder): Promise<Verdict> {
    return (await this.next('verdict', ({ verdict }) => verdict.key === order.key)).verdict
  }

  /** Gives an order and waits until its program runs. */
  async started(order: AttemptOrder): Promise<Message<'started'>> {
    const started = this.next('started', ({ key }) => key === order.key)
    this.send({ kind: 'run', order })
    return started
  }

  /** Asks for a stop and waits for the verdict. */
  async stop(order: AttemptOrder, reason: StopReason): Promise<Verdict> {
    const verdict = this.verdictOn(order)
    this.send({ kind: 'stop-attempt', key: order.key, reason })
    return verdict
  }

  async screen(): Promise<string> {
    const screen = this.next('screen')
    this.send({ kind: 'screen', id: 1 })
    return (await screen).text
  }

  verdictsOn(order: AttemptOrder): number {
    return this.heard.filter((m) => m.kind === 'verdict' && m.verdict.key === order.key).length
  }

  /** Answers a verdict as the store does, and waits until everything is cleaned. */
  async record(key: string): Promise<void> {
    const cleaned = this.next('cleaned', (message) => message.key === key)
    this.send({ kind: 'recorded', key, answer: 'recorded' })
    await cleaned
  }

  /** An order from its launch to its last trace. */
  async complete(prompt: string, verify: string[] | null = null) {
    const verdict = await this.verdict(this.order(prompt, verify))
    await this.record(verdict.key)
    return verdict
  }

  /** kill -9; resolves when the host is gone. */
  async killHost(): Promise<void> {
    this.host?.kill()
    await this.#gone
  }

  get gone(): Promise<string> {
    return this.#gone
  }

  /** Clears it away, as the supervisor does with an agent that has no host. */
  async clear(): Promise<void> {
    this.#unwatch()
    await this.hosts.clear(this.setup)
  }

  /** Leaves nothing behind. */
  async remove(): Promise<void> {
    this.host?.kill()
    await this.clear()
    rmSync(join(this.home, '..'), { recursive: true, force: true })
  }
}

export function commitAll(worktree: string, message: string): void {
  const who = ['-c', 'user.name=t', '-c', 'user.email=t@example.org']
  const git = (...args: string[]) => execFileSync('git', ['-C', worktree, ...who, ...args])
  git('add', '-A')
  git('commit', '-q', '--allow-empty', '-m', message)
}

/** An agent that is ready, and gone after the test. */
export async function agentFor(t: Test, ...how: ConstructorParameters<typeof TestAgent>) {
  const agent = new TestAgent(...how)
  t.teardown(() => agent.remove())
  await agent.start()
  return agent
}

/** A program that says it is up, waits at its gate, prints what it is told, and exits with 3. */
export const gated = 'echo up >"$HOME/up"; read -r line <"$HOME/gate"; echo "$line"; exit 3'

/** The other ends of a program's gate. */
export function makeGate({ home }: TestAgent) {
  execFileSync('mkfifo', [join(home, 'gate'), join(home, 'up')])
  return {
    up: () => readFile(join(home, 'up')),
    open: (line: string) => writeFile(join(home, 'gate'), `${line}\n`),
  }
}

/** A program that no polite signal ends. */
export const deaf =
  "trap '' TERM HUP INT QUIT; [ -p ~/up ] && echo up >~/up; while :; do sleep 5; done"

/** The command lines of all programs of the agent that still run. */
export const running = ({ setup }: TestAgent): string[] =>
  startedWith([`${runVariable}=${setup.runPrefix}/`]).map(({ pid }) => argumentsOf(pid).join(' '))

/** Everything of the agent that still runs, tmux too. */
export const remains = ({ setup }: TestAgent): string[] =>
  agentProcesses(setup.runPrefix).map(({ pid }) => argumentsOf(pid).join(' '))

export const windowsOf = ({ setup }: TestAgent): string[] =>
  execFileSync('tmux', ['-S', setup.socket, 'list-windows', '-F', '#{window_name}'])
    .toString()
    .trim()
    .split('\n')

import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Client } from '../../src/supervisor/api/client.ts'
import { connect } from '../../src/supervisor/api/client.ts'
import type { AgentInput, AgentView } from '../../src/supervisor/domain/agent.ts'
import type { EventType, SquadEvent } from '../../src/supervisor/domain/event.ts'
import type { Task, TaskInput } from '../../src/supervisor/domain/task.ts'
import type { Stub } from '../fixtures/model-stub/server.ts'
import { startStub } from '../fixtures/model-stub/server.ts'
import { Squadd } from '../support/squadd.ts'
import type { Program } from './home.ts'
import { makeHome } from './home.ts'

const waitMs = 120_000

/** A squad whose agents run real programs, which ask a stub of their model. */
export class Scene {
  readonly program: Program
  readonly dir = mkdtempSync(join(tmpdir(), 'squadd-agents-'))
  /** The home of the user whose programs these are. */
  readonly home = join(this.dir, 'user')
  readonly bodies = join(this.dir, 'bodies')
  squad!: Squadd
  stub!: Stub
  client!: Client

  constructor(program: Program) {
    this.program = program
  }

  /** `settings`: of the squad. */
  async open(settings: Record<string, unknown> = {}): Promise<this> {
    this.stub = await startStub({ bodies: this.bodies })
    const { env } = makeHome(this.program, this.home, this.stub.url)
    this.squad = new Squadd(env)
    mkdirSync(this.squad.home, { recursive: true, mode: 0o700 })
    // A program-wide failure is looked at by itself, not through the breaker it would open.
    const calm = { breakerMaxFailures: 1000, maxLoadPerCore: 0, healthCheckIntervalMs: 5000 }
    const config = { ...calm, ...settings }
    writeFileSync(join(this.squad.home, 'config.json'), JSON.stringify(config))
    await this.start()
    return this
  }

  async start(): Promise<void> {
    await this.squad.json('start')
    this.client = connect({ socket: join(this.squad.home, 'run', 'squadd.sock') })
  }

  async add(id: string, input: Partial<AgentInput> = {}): Promise<AgentView> {
    const { repo } = this.squad
    // Names that the program's own settings use for its key.
    const env = this.program === 'codex' ? { STUB_API_KEY: 'stub-key' } : {}
    const agent = { id, repo, program: this.program, env, ...input }
    return (await this.client.call('agents.add', agent)) as AgentView
  }

  async submit(prompt: string, input: Partial<TaskInput> = {}): Promise<Task> {
    const [task] = (await this.client.call('tasks.add', {
      tasks: [{ ...input, prompt }],
    })) as Task[]
    return task!
  }

  async settled({ id }: { id: string }): Promise<Task> {
    return (await this.client.call('tasks.wait', { id, timeoutMs: waitMs })) as Task
  }

  async do(prompt: string, input: Partial<TaskInput> = {}): Promise<Task> {
    return this.settled(await this.submit(prompt, input))
  }

  async agent(id: string): Promise<AgentView> {
    return (await this.client.call('agents.show', { id })) as AgentView
  }

  /** The first event of that kind, since the beginning or to come. */
  async event(type: EventType, fits: (event: SquadEvent) => boolean = () => true) {
    for await (const event of this.client.events({ since: 0 }))
      if (event.type === type && fits(event)) return event
    throw new Error(`no ${type} came`)
  }

  async events(): Promise<SquadEvent[]> {
    const all: SquadEvent[] = []
    for await (const event of this.client.events({ since: 0, follow: false })) all.push(event)
    return all
  }

  /** The texts that the model was sent, newest last. */
  sent(): string[] {
    return readdirSync(this.bodies)
      .sort()
      .map((name) => readFileSync(join(this.bodies, name), 'utf8'))
  }

  async killSupervisor(): Promise<void> {
    const pid = await this.squad.pid()
    this.client.close()
    process.kill(pid, 'SIGKILL')
    await this.start()
  }

  /** Every file below a folder, with its text. */
  snapshot(folder: string): Map<string, string> {
    const files = readdirSync(folder, { recursive: true, encoding: 'utf8' })
      .map((name) => join(folder, name))
      .filter((path) => statSync(path, { throwIfNoEntry: false })?.isFile())
    return new Map(files.map((path) => [path, readFileSync(path, 'latin1')]))
  }

  async close(): Promise<void> {
    this.client.close()
    await this.squad.remove()
    await this.stub.close()
    rmSync(this.dir, { recursive: true, force: true, maxRetries: 5 })
  }
}

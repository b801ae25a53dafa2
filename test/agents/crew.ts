import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Client } from '../../src/supervisor/api/client.ts'
import { connect } from '../../src/supervisor/api/client.ts'
import type { AgentInput, AgentView } from '../../src/supervisor/domain/agent.ts'
import type { SquadEvent } from '../../src/supervisor/domain/event.ts'
import type { Task, TaskInput } from '../../src/supervisor/domain/task.ts'
import type { Stub } from '../fixtures/model-stub/server.ts'
import { startStub } from '../fixtures/model-stub/server.ts'
import type { Answer } from '../support/squadd.ts'
import { Squadd } from '../support/squadd.ts'
import type { Program } from './home.ts'
import { bareEnvironment, makeHome } from './home.ts'

type Test = { teardown(end: () => unknown): void }

/** The limit of everything that is waited for. */
const patienceMs = 120_000

/** A squad with a real agent program, its user's home and its model API. */
export class Crew extends Squadd {
  readonly program: Program
  readonly stub: Stub
  readonly userHome: string
  readonly #env: Record<string, string>
  client!: Client
  #marks = 0

  private constructor(program: Program, stub: Stub) {
    super()
    this.program = program
    this.stub = stub
    const { home, env } = makeHome(program, join(this.dir, 'user'), stub.url)
    this.userHome = home
    this.#env = env
  }

  /** Everything is ended when the test is; `prepare` changes the user's home before the start. */
  static async open(
    t: Test,
    program: Program,
    prepare: (crew: Crew) => void = () => {},
  ): Promise<Crew> {
    const crew = new Crew(program, await startStub())
    t.teardown(async () => {
      crew.client?.close()
      await crew.remove()
      await crew.stub.close()
    })
    mkdirSync(crew.home, { recursive: true, mode: 0o700 })
    // Neither the machine's load nor a failure before is what these tests are about.
    writeFileSync(
      join(crew.home, 'config.json'),
      JSON.stringify({ maxLoadPerCore: 0, breakerResetMs: 10 }),
    )
    prepare(crew)
    await crew.start()
    return crew
  }

  async start(): Promise<void> {
    await this.json('start')
    this.client?.close()
    this.client = connect({ socket: join(this.home, 'run', 'squadd.sock') })
  }

  override run(...args: string[]): Promise<Answer> {
    return this.runWith({ ...this.#env, SQUADD_HOME: this.home }, ...args)
  }

  /** The program's own variables. */
  get env(): Record<string, string> {
    const bare = bareEnvironment(this.userHome)
    const own = Object.entries(this.#env).filter(([name]) => !(name in bare))
    return Object.fromEntries(own)
  }

  agent(id: string, input: Partial<AgentInput> = {}): Promise<AgentView> {
    const { repo, program, env } = this
    return this.client.call('agents.add', { id, repo, program, env, ...input })
  }

  async view(id: string): Promise<AgentView> {
    return (await this.client.call('agents.show', { id })) as AgentView
  }

  /** Adds a task; the stub knows it by the mark that it answers with. */
  async add(prompt: string, input: Partial<TaskInput> = {}): Promise<{ id: string; mark: string }> {
    const mark = `m${++this.#marks}`
    const tasks = [{ prompt: `[[id: ${mark}]] ${prompt}`, ...input }]
    const [task] = (await this.client.call('tasks.add', { tasks })) as Task[]
    return { id: task!.id, mark }
  }

  async settled(id: string): Promise<Task> {
    return (await this.client.call('tasks.wait', { id, timeoutMs: patienceMs })) as Task
  }

  /** A task whose prompt is nothing else, to its end. */
  async doAsIs(prompt: string): Promise<Task> {
    const [task] = (await this.client.call('tasks.add', { tasks: [{ prompt }] })) as Task[]
    return this.settled(task!.id)
  }

  /** A task to its end, and how long after the last byte of its answer that was recorded. */
  async do(prompt: string, input: Partial<TaskInput> = {}): Promise<Done> {
    const { id, mark } = await this.add(prompt, input)
    const task = await this.settled(id)
    const bytes = this.stub
      .requests()
      .filter(({ marker, side, lastByteAt }) => marker === mark && !side && lastByteAt !== null)
      .map(({ lastByteAt }) => lastByteAt!)
    const lateMs = bytes.length === 0 ? null : task.endedAt! - Math.max(...bytes)
    return { ...task, mark, lateMs }
  }

  /** A task to the end of its first attempt; another is not wanted. */
  async attempt(prompt: string, input: Partial<TaskInput> = {}): Promise<SquadEvent['data']> {
    const { id } = await this.add(prompt, input)
    const { type, data } = await this.event(({ type, taskId }) => taskId === id && ends.has(type))
    if (type === 'TaskRetried') await this.client.call('tasks.cancel', { id })
    return data
  }

  /** The model has been asked with this mark. */
  async asked(mark: string): Promise<void> {
    await this.stub.until(({ marker, side }) => marker === mark && !side)
  }

  /** How its attempts have ended so far. */
  async ends(id: string): Promise<string[]> {
    const types: string[] = []
    for await (const { type, taskId } of this.client.events({ since: 0, follow: false }))
      if (taskId === id && ends.has(type)) types.push(type)
    return types
  }

  async output(id: string): Promise<string> {
    const parts: Uint8Array[] = []
    for await (const part of this.client.bytes('tasks.output', { id })) parts.push(part)
    return Buffer.concat(parts).toString()
  }

  /** The first event that fits, of all that have been and will be. */
  async event(fits: (event: SquadEvent) => boolean): Promise<SquadEvent> {
    const signal = AbortSignal.timeout(patienceMs)
    for await (const event of this.client.events({ since: 0, signal }))
      if (fits(event)) return event
    throw new Error('no such event')
  }

  /** What the agent asks; resolves when it does. */
  async question(task: string): Promise<string> {
    const { data } = await this.event(
      ({ type, taskId }) => type === 'AgentWaiting' && taskId === task,
    )
    return String(data['question'])
  }

  async answer(id: string, choice: string): Promise<void> {
    const { exitCode, stderr } = await this.run('agent', 'answer', id, choice)
    if (exitCode !== 0) throw new Error(stderr)
  }

  worktree(id: string): Promise<string> {
    return this.view(id).then(({ worktree }) => worktree)
  }

  /** Every file of the user's home that is like one of the patterns, with its content. */
  userFiles(...wanted: RegExp[]): Record<string, string> {
    const names = readdirSync(this.userHome, { recursive: true, encoding: 'utf8' })
    const files = names.filter((name) => wanted.some((one) => one.test(name)))
    return Object.fromEntries(files.map((name) => [name, read(join(this.userHome, name))]))
  }
}

const ends = new Set<string>([
  'TaskCompleted',
  'TaskFailed',
  'TaskHeld',
  'TaskRetried',
  'TaskCancelled',
])

export type Done = Task & { mark: string; lateMs: number | null }

const read = (path: string): string => {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return existsSync(path) ? 'a folder' : 'gone'
  }
}

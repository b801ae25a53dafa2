import { openSync, readFileSync, writeFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { execaSync } from 'execa'
import type { Client } from '../../src/supervisor/api/client.ts'
import { connect } from '../../src/supervisor/api/client.ts'
import type { AgentView } from '../../src/supervisor/domain/agent.ts'
import type { Task, TaskInput } from '../../src/supervisor/domain/task.ts'
import { seeded } from '../simulation/seeded.ts'
import { seed } from './seed.ts'
import { Squadd } from './squadd.ts'
import { whenIn } from './watching.ts'

const agents = ['ada', 'bob', 'cid', 'dora']
export const perRound = 20

/** A squad of shell agents, and what its programs wrote of themselves. */
export class Field {
  readonly squad: Squadd
  readonly journal: string
  client!: Client
  readonly #random = seeded(seed)

  /** `env`: what the daemon has beyond the environment of the test; `bin`: another squadd. */
  constructor(env: Record<string, string> = {}, bin?: string) {
    this.squad = new Squadd(env, bin)
    this.journal = join(this.squad.dir, 'journal')
  }

  async open(names: readonly string[] = agents): Promise<void> {
    writeFileSync(this.journal, '')
    await this.start()
    for (const id of names) await this.client.call('agents.add', { id, repo: this.squad.repo })
  }

  /** Writes the configuration file; before `open`. */
  configure(settings: Record<string, unknown>): void {
    this.squad.configure(settings)
  }

  async start(): Promise<void> {
    await this.squad.json('start')
    this.connect()
  }

  connect(): void {
    this.client = connect({ socket: join(this.squad.home, 'run', 'squadd.sock') })
  }

  async add(input: TaskInput): Promise<Task> {
    const [task] = (await this.client.call('tasks.add', { tasks: [input] })) as Task[]
    return task!
  }

  async wait(id: string): Promise<Task> {
    return (await this.client.call('tasks.wait', { id, timeoutMs: 60_000 })) as Task
  }

  /** Submits tasks that write a line when they begin and one when they end. */
  submit(round: string): Promise<Task[]> {
    const tasks = Array.from({ length: perRound }, (_, i) => ({
      prompt: script(this.journal, `${round}.${i}`, 0.02 + 0.18 * this.#random()),
    }))
    return this.client.call('tasks.add', { tasks }) as Promise<Task[]>
  }

  async settled(tasks: Task[]): Promise<Task[]> {
    return Promise.all(tasks.map(({ id }) => this.wait(id)))
  }

  /** Lines of the journal of one round: task name → the pids that began and ended it. */
  lines(round: string): Map<string, { began: string[]; ended: string[] }> {
    const found = new Map<string, { began: string[]; ended: string[] }>()
    for (const line of readFileSync(this.journal, 'utf8').split('\n')) {
      const [what = '', name = '', pid = ''] = line.split(' ')
      if (!name.startsWith(`${round}.`)) continue
      const entry = found.get(name) ?? { began: [], ended: [] }
      found.set(name, entry)
      if (what === 'began') entry.began.push(pid)
      else entry.ended.push(pid)
    }
    return found
  }

  async agentViews(): Promise<AgentView[]> {
    return (await this.client.call('agents.list', {})) as AgentView[]
  }

  /** The pid that a program wrote when it began; waits for the line. */
  async pidOf(name: string): Promise<number> {
    const find = () => Number(this.lines(name).get(`${name}.0`)?.began[0] ?? 0)
    await whenIn(this.journal, () => find() > 0)
    return find()
  }

  async close(): Promise<void> {
    this.client.close()
    await this.squad.remove()
  }
}

const script = (journal: string, name: string, seconds: number) =>
  `echo "began ${name} $$" >> '${journal}'; sleep ${seconds.toFixed(3)}; ` +
  `echo "ended ${name} $$" >> '${journal}'`

/** A script that says when it has begun and then waits to be let go. */
export const gate = (field: Field, name: string) => {
  const flag = join(field.squad.dir, `go-${name}`)
  execaSync('mkfifo', [flag])
  // Open for both, so that neither side waits for the other.
  const fd = openSync(flag, 'r+')
  return {
    prompt: `echo "began ${name}.0 $$" >> '${field.journal}'; read -r _ < '${flag}'`,
    /** Lets it go; before it waits as well as after. */
    open: () => writeSync(fd, 'go\n'),
  }
}

import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { AgentView } from '../../src/supervisor/domain/agent.ts'
import { SquadError } from '../../src/supervisor/domain/error.ts'
import type { Task, TaskInput, TaskState } from '../../src/supervisor/domain/task.ts'
import { isSettled } from '../../src/supervisor/domain/task.ts'
import type { FailpointName } from '../../src/supervisor/failpoint/points.ts'
import { Invariants } from '../support/invariants.ts'
import { Squadd } from '../support/squadd.ts'
import { Sturdy } from '../support/sturdy.ts'
import { Notices } from './notices.ts'

/** What a squad is put through so that a failpoint is met. */
type Part = 'tasks' | 'people' | 'agent' | 'latch' | 'many' | 'told' | 'given up'

const partsOf: Partial<Record<FailpointName, readonly Part[]>> = {
  'store.cancel': ['people'],
  'store.ask_stop': ['people'],
  'store.release': ['people'],
  'store.retry': ['people'],
  'store.promote': ['people'],
  'store.note': ['people'],
  'store.add_agent': ['agent'],
  'store.update_agent': ['agent'],
  'store.remove_agent': ['agent'],
  'store.take_notices': ['told'],
  'store.settle_notice': ['told'],
  'store.give_up_notices': ['given up'],
  'store.trim_events': ['many'],
  'host.clear': ['agent'],
  'worktree.check': ['agent'],
  'worktree.remove': ['agent'],
  'worktree.release': ['agent'],
  'worktree.delete_folder': ['agent'],
  'launch.take_latch': ['latch'],
}

/** Where a fault may leave an attempt whose end nobody can prove: its task is held then, and says so. */
const unprovable: ReadonlySet<FailpointName> = new Set()

const agentNames = ['ada', 'bob']
const settings = { stopGraceMs: 500, restartIntensity: 20, breakerMaxFailures: 100 }

/** A squad whose daemon is started with one fault after the other, and used until all is well again. */
export class Exercise {
  readonly invariants: Invariants
  readonly #env: Record<string, string>
  readonly #squad: Squadd
  readonly #user: Sturdy
  readonly #faults: string
  readonly #programs: string
  #isUnprovable = false
  #round = 0

  constructor() {
    this.#env = { SQUADD_TEST_FAILPOINTS: '1' }
    this.#squad = new Squadd(this.#env)
    this.#user = new Sturdy(this.#squad)
    this.#faults = join(this.#squad.dir, 'faults')
    this.#programs = join(this.#squad.dir, 'programs')
    this.#env['SQUADD_FAILPOINTS_JOURNAL'] = this.#faults
    writeFileSync(this.#programs, '')
    this.invariants = new Invariants(this.#squad)
  }

  /** Runs one round under a fault; answers what was wrong in it. */
  async run(name: FailpointName, action: string): Promise<string[]> {
    const parts: readonly Part[] = partsOf[name] ?? ['tasks']
    this.#isUnprovable = unprovable.has(name)
    const first = parts.includes('latch') ? 'dispatch.after_claim=kill9*1;' : ''
    this.#env['SQUADD_FAILPOINTS'] = `${first}${name}=${action}*1`
    rmSync(this.#faults, { force: true })
    this.#squad.configure(settings)
    this.#round += 1
    await this.#user.start()
    for (const id of agentNames) await this.#ensureAgent(id)
    const wrong: string[] = []
    if (parts.includes('tasks') || parts.includes('latch')) wrong.push(...(await this.#tasks()))
    if (parts.includes('people')) wrong.push(...(await this.#people()))
    if (parts.includes('agent')) wrong.push(...(await this.#agent()))
    if (parts.includes('many')) wrong.push(...(await this.#many()))
    if (parts.includes('told')) wrong.push(...(await this.#notices().areTold()))
    if (parts.includes('given up')) wrong.push(...(await this.#notices().areGivenUp()))
    await this.#mend()
    wrong.push(
      ...(await this.#user.persist((client) => this.invariants.quiet(client), { revive: true })),
    )
    wrong.push(...this.#ranTwice())
    await this.#user.persist((client) => client.call('status', {}), { revive: true })
    await this.#squad.run('stop')
    this.#user.hangUp()
    const happened = existsSync(this.#faults) ? readFileSync(this.#faults, 'utf8') : ''
    if (!happened.includes(`${name} ${action.replace(/\(.*/, '')} `))
      wrong.push('the fault did not happen')
    return wrong
  }

  async close(): Promise<void> {
    this.#env['SQUADD_FAILPOINTS'] = ''
    this.#user.hangUp()
    this.invariants.close()
    await this.#squad.remove()
  }

  /** Two that succeed, one of them after the other, one that fails, one that fails and tries again. */
  async #tasks(): Promise<string[]> {
    const done = this.#program('done')
    const bad = this.#program('bad', 'exit 3')
    const tasks = await this.#add([
      { ...done, ref: 'first' },
      { ...this.#program('after'), after: ['first'] },
      bad,
      { ...this.#program('again', 'exit 4'), retries: 1 },
    ])
    return this.#ended(tasks, ['completed', 'completed', 'failed', 'failed'])
  }

  /** What people and the clock do to tasks. */
  async #people(): Promise<string[]> {
    const [late, slow, cancelled, parent, child] = (await this.#add([
      { ...this.#program('late'), notBeforeAt: Date.now() + 1500 },
      { ...this.#program('slow', 'exec sleep 600'), timeoutMs: 700 },
      this.#program('cancelled', 'exec sleep 600'),
      { ...this.#program('parent', 'exit 5'), ref: 'parent' },
      { ...this.#program('child'), after: ['parent'], onParentFailure: 'hold' },
    ])) as [Task, Task, Task, Task, Task]
    await this.#do('tasks.cancel', cancelled.id)
    const wrong = await this.#ended([parent, child, cancelled], ['failed', 'held', 'cancelled'])
    await this.#do('tasks.release', child.id)
    await this.#do('tasks.retry', parent.id)
    wrong.push(...(await this.#ended([parent, child], ['failed', 'completed'])))
    return [...wrong, ...(await this.#ended([late, slow], ['completed', 'failed']))]
  }

  /** An agent with unsaved work goes and comes back. */
  async #agent(): Promise<string[]> {
    const views = await this.#views()
    const { worktree } = views.find(({ id }) => id === 'ada')!
    this.invariants.canaries.plant(worktree, `unsaved-${this.#round}`, `work ${this.#round}\n`)
    await this.#agentIs(['agents.pause', { id: 'ada', release: true }], () => !existsSync(worktree))
    await this.#agentIs(['agents.resume', { id: 'ada' }], () => existsSync(worktree))
    await this.#agentIs(['agents.remove', { id: 'ada' }], (ada) => ada === undefined)
    await this.#ensureAgent('ada')
    return this.#tasks()
  }

  async #many(): Promise<string[]> {
    const waiting = { prompt: 'true', notBeforeAt: Date.now() + 86_400_000 }
    const tasks = await this.#add(Array.from({ length: 1100 }, () => waiting))
    for (const { id } of tasks) await this.#do('tasks.cancel', id)
    return this.#tasks()
  }

  #notices(): Notices {
    const complete = async () => {
      const tasks = await this.#add([this.#program('one'), this.#program('two')])
      await this.#ended(tasks, ['completed', 'completed'])
      return tasks
    }
    const [squad, user, { invariants }] = [this.#squad, this.#user, this]
    return new Notices({ squad, user, invariants, settings, complete })
  }

  #program(name: string, end = 'exit 0'): TaskInput {
    const key = `${name}-${this.#round}`
    const say = (what: string) => `echo "${what} ${key} $$" >> '${this.#programs}'`
    return { key, prompt: `${say('began')}; sleep 0.05; ${say('ended')}; ${end}` }
  }

  /** Each with a key: all tries make one. */
  async #add(inputs: readonly TaskInput[]): Promise<Task[]> {
    const keyed = inputs.map((input, index) => ({ key: `n${index}-${this.#round}`, ...input }))
    const add = () =>
      this.#user.persist((client) => client.call('tasks.add', { tasks: keyed }), { revive: true })
    const tasks = (await add()) as Task[]
    this.invariants.acknowledge(tasks)
    return tasks
  }

  async #ended(tasks: readonly Task[], states: readonly TaskState[]): Promise<string[]> {
    const wrong: string[] = []
    for (const [index, { id, prompt }] of tasks.entries()) {
      const wait = (client: Sturdy['client']) =>
        client.call('tasks.wait', { id, timeoutMs: 90_000 })
      const task = await this.#user.persist(wait, { revive: true }).catch(() => null)
      const isUnknown = task?.state === 'held' && task.outcome === 'unknown'
      if (task?.state !== states[index] && !(isUnknown && this.#isUnprovable))
        wrong.push(
          `${id} (${prompt.slice(-40)}) is ${task?.state ?? 'not settled'}, not ${states[index]}`,
        )
    }
    return wrong
  }

  /** Does it once: where an error came back, what is stored tells whether it was done. */
  async #do(name: 'tasks.cancel' | 'tasks.release' | 'tasks.retry', id: string): Promise<void> {
    const done = () =>
      this.invariants.ledger.events.filter(
        ({ task, type }) => task === id && /Released|Cancelled/.test(type),
      ).length
    const before = done()
    const ask = async (client: Sturdy['client']) => {
      if (done() === before) await client.call(name, { id })
    }
    await this.#user.persist(ask, { revive: true }).catch((error: unknown) => {
      if (!(error instanceof SquadError) || error.code !== 'SQUADD_CONFLICT') throw error
    })
  }

  /** Asks for it until it is so. */
  async #agentIs(
    [name, input]: [
      'agents.pause' | 'agents.resume' | 'agents.remove',
      { id: string; release?: boolean },
    ],
    isSo: (agent: AgentView | undefined) => boolean,
  ): Promise<void> {
    for (let nth = 1; ; nth++) {
      const error = await this.#user
        .persist((client) => client.call(name, input), { revive: true })
        .then(
          () => null,
          (one: unknown) => one,
        )
      const views = await this.#views()
      if (isSo(views.find(({ id }) => id === input.id))) return
      if (nth === 10) throw error ?? new Error(`${name} ${input.id} has no effect`)
    }
  }

  async #ensureAgent(id: string): Promise<void> {
    for (let nth = 1; ; nth++) {
      const views = await this.#views()
      if (views.some((agent) => agent.id === id)) return
      const add = (client: Sturdy['client']) =>
        client.call('agents.add', { id, repo: this.#squad.repo })
      await this.#user.persist(add, { revive: true }).catch((error: unknown) => {
        if (nth === 10) throw error
      })
    }
  }

  /** What a person does with an agent that says it needs one, and with what nobody can prove. */
  async #mend(): Promise<void> {
    for (const { id, state } of await this.#views())
      if (state === 'failed')
        await this.#user.persist((client) => client.call('agents.reset', { id }), { revive: true })
    const open = this.invariants.ledger.tasks.filter(({ state }) => !isSettled(state))
    for (const { id } of open)
      await this.#user.persist((client) => client.call('tasks.wait', { id, timeoutMs: 90_000 }), {
        revive: true,
      })
  }

  async #views(): Promise<AgentView[]> {
    return (await this.#user.persist((client) => client.call('agents.list', {}), {
      revive: true,
    })) as AgentView[]
  }

  /** Once for each attempt that its task was given. */
  #ranTwice(): string[] {
    const ended = new Map<string, number>()
    for (const line of readFileSync(this.#programs, 'utf8').split('\n')) {
      const [what, key = ''] = line.split(' ')
      if (what === 'ended' && key.endsWith(`-${this.#round}`))
        ended.set(key, (ended.get(key) ?? 0) + 1)
    }
    const meant = (key: string) => (/^(again|parent)-/.test(key) ? 2 : 1)
    const twice = [...ended].filter(([key, times]) => times > meant(key))
    return twice.map(([key, times]) => `${key} ran to its end ${times} times`)
  }
}

import type { AgentRecord, AgentSignal, AgentState, AgentView } from './domain/agent.ts'
import { nextAgentState } from './domain/agent.ts'
import { SquadError } from './domain/error.ts'
import type { NewEvent } from './domain/event.ts'
import type { AttemptKey, FromHost, HostSetup, Recorded, Verdict } from './domain/message.ts'
import { attemptKey } from './domain/message.ts'
import type { OutboxWatch, WorktreeState, Worktrees } from './domain/ports.ts'
import type { Evidence, StopReason, Task } from './domain/task.ts'
import type { LinkPorts } from './host-link.ts'
import { HostLink } from './host-link.ts'
import { loadScore } from './policy/load.ts'

/** What an agent needs of the world. */
export type AgentPorts = LinkPorts & {
  worktrees: Worktrees
  watch: OutboxWatch
  setup(record: AgentRecord, current: HostSetup['current']): HostSetup
}

/** What an agent tells its owner. */
export type AgentOwner = {
  /** An attempt ended: to be recorded, then answered with `answer`. */
  verdict(agent: SupervisedAgent, verdict: Verdict): void
  /** It has no task: it may take one, or do what its goal asks. */
  free(agent: SupervisedAgent): void
  /** Its worktree came to be or changed. */
  placed(agent: SupervisedAgent, worktree: WorktreeState): Promise<void>
  /** It cannot be brought back by itself; `task` is what it had and never reported. */
  gaveUp(agent: SupervisedAgent, reason: string, task: Task | null): void
  /** Nothing will ever be heard of this attempt again. */
  lost(agent: SupervisedAgent, task: Task, reason: string): void
  happened(event: NewEvent): void
}

/** What has the agent now. `recorded`: the store has its verdict, the host cleans up. */
type Current = { task: Task; key: AttemptKey; stop: StopReason | null; recorded: boolean }

const screenTimeoutMs = 5000

/** One agent: its state, the evidence for it, and the host that does the work. */
export class SupervisedAgent {
  #id: string
  record: AgentRecord
  readonly #ports: AgentPorts
  #owner: AgentOwner
  readonly #link: HostLink
  #state: AgentState = 'stopped'
  #reason: string | null = null
  #evidence: Evidence[] = []
  #current: Current | null = null
  #programPid: number | null = null
  #unwatch = () => {}
  #waiters: { until: () => boolean; resolve: () => void; reject: (error: Error) => void }[] = []
  lastAssignedAt = 0
  assignedCount = 0
  lastHealthCheckAt: number | null = null

  constructor(record: AgentRecord, ports: AgentPorts, owner: AgentOwner) {
    this.#id = record.spec.id
    this.record = record
    this.#ports = ports
    this.#owner = owner
    this.#link = new HostLink(ports, () => this.setup(), {
      message: (message) => this.#receive(message),
      lost: (reason, inMs) => this.#lost(reason, inMs),
      gaveUp: (reason) => this.#giveUp(reason),
    })
  }

  /** Goes over to another owner, under the record that one made; only while it has no task. */
  join(id: string, owner: AgentOwner, record: AgentRecord): void {
    this.#id = id
    this.#owner = owner
    this.record = record
  }

  get id(): string {
    return this.#id
  }

  get state(): AgentState {
    return this.#state
  }

  get isFree(): boolean {
    return this.#state === 'idle' && this.record.goal === 'up' && this.#current === null
  }

  /** The task that it has, until everything about the attempt is recorded and cleaned. */
  get currentTask(): Task | null {
    return this.#current?.task ?? null
  }

  get loadScore(): number {
    return loadScore({
      state: this.#state,
      timeoutShare: 0,
      breaker: 'closed',
      cpuPercent: 0,
      memoryShare: 0,
    })
  }

  /** Brings it up; `running` is the task the store says it has. Throws what git says. */
  async start(running: Task | null): Promise<void> {
    this.#move('start', 'starting', 'supervisor')
    // A running program has its worktree; whatever is wrong with that one shows when it ends.
    if (running) this.#take(running, running.want)
    else await this.#place()
    this.#watchOutbox()
    this.#link.forgive()
    this.#link.open()
  }

  /** Shows an agent without a host as what it is. */
  rest(signal: 'pause' | 'stop' | 'fail', reason: string): void {
    this.#move(signal, reason, 'store')
  }

  /** Resolves when it is usable or paused. Throws when it failed on the way. */
  untilReady(): Promise<void> {
    return this.#until(() => this.#state !== 'starting')
  }

  /** Resolves when it has no task. */
  untilFree(): Promise<void> {
    return this.#until(() => this.#current === null)
  }

  /** Gives it a claimed task. */
  assign(task: Task): void {
    this.#take(task, null)
    this.lastAssignedAt = this.#ports.clock.now()
    this.assignedCount += 1
    this.#move('assign', `task ${task.id}`, 'queue')
    this.#link.send({ kind: 'run', order: orderOf(task) })
  }

  /** Ends the attempt at hand; its verdict follows. */
  stopAttempt(reason: StopReason): void {
    if (!this.#current || this.#current.recorded) return
    this.#current.stop = reason
    this.#link.send({ kind: 'stop-attempt', key: this.#current.key, reason })
  }

  /** The store's answer to a verdict: the host may delete its facts. */
  answer(key: AttemptKey, answer: Recorded): void {
    if (this.#current?.key === key) this.#current.recorded = true
    this.#link.send({ kind: 'recorded', key, answer })
  }

  /** The goal says paused: it takes no more. */
  pause(reason: string): void {
    this.#move('pause', reason, 'operator')
  }

  resume(): void {
    this.#move('resume', 'resumed', 'operator')
    this.#owner.free(this)
  }

  /** Ends program, tmux and host. */
  async end(signal: 'stop' | 'pause', reason: string): Promise<void> {
    this.#unwatch()
    await this.#link.end()
    const task = this.#drop()
    if (task) this.#owner.lost(this, task, reason)
    this.#move(signal, reason, 'operator')
  }

  /** Lets tmux and the program live on without us. */
  async detach(): Promise<void> {
    this.#unwatch()
    await this.#link.detach()
  }

  async screen(): Promise<string> {
    return (await this.#link.ask<'screen'>('screen', screenTimeoutMs)).text
  }

  /** Asks the host for a sign of life. Throws SQUADD_TIMEOUT when it hangs. */
  async probe(timeoutMs: number): Promise<void> {
    await this.#link.ask<'alive'>('probe', timeoutMs)
    this.lastHealthCheckAt = this.#ports.clock.now()
  }

  get hasHost(): boolean {
    return this.#link.pid !== null
  }

  /** True while a host should be answering. */
  get isProbeable(): boolean {
    return this.hasHost && this.#state !== 'starting'
  }

  /** The host hangs: another one takes over what it had. */
  replaceHost(): void {
    this.#link.kill()
  }

  view(): AgentView {
    const { spec } = this.record
    return {
      id: this.id,
      state: this.#state,
      reason: this.record.failure ?? this.#reason,
      program: spec.program,
      mode: spec.mode,
      labels: spec.labels,
      repo: spec.repo,
      worktree: this.record.worktree,
      branch: spec.branch,
      loadScore: this.loadScore,
      cpuPercent: 0,
      memoryBytes: 0,
      currentTask: this.#current?.task.id ?? null,
      tasksCompleted: this.record.tasksCompleted,
      tasksFailed: this.record.tasksFailed,
      circuitState: 'closed',
      hostPid: this.#link.pid,
      programPid: this.#programPid,
      tmuxSocket: this.setup().socket,
      evidence: this.#evidence,
      createdAt: this.record.createdAt,
      updatedAt: this.record.updatedAt,
    }
  }

  #take(task: Task, stop: StopReason | null): void {
    this.#current = { task, key: attemptKey(task.id, task.fence), stop, recorded: false }
  }

  async #place(): Promise<void> {
    const { spec, worktree, ownsBranch } = this.record
    try {
      await this.#owner.placed(this, await this.#ports.worktrees.ensure(spec, worktree, ownsBranch))
    } catch (error) {
      this.#giveUp(error instanceof Error ? error.message : String(error))
      throw error
    }
  }

  /** What its host is told. */
  setup(): HostSetup {
    const current = this.#current
    const running = current && !current.recorded
    return this.#ports.setup(
      this.record,
      running ? { order: orderOf(current.task), stop: current.stop } : null,
    )
  }

  #watchOutbox(): void {
    this.#unwatch()
    this.#unwatch = this.#ports.watch.watch(this.setup().outbox, (names) =>
      this.#link.send(names ? { kind: 'facts', names } : { kind: 'scan' }),
    )
  }

  #receive(message: FromHost): void {
    switch (message.kind) {
      case 'ready':
        this.#programPid = message.programPid
        return this.#ready(message.tmuxPid)
      case 'started':
        this.#programPid = message.programPid
        return
      case 'verdict':
        return this.#owner.verdict(this, message.verdict)
      case 'cleaned':
        if (message.key === this.#current?.key) this.#finished()
        return
      case 'ended':
        if (message.leftovers.length > 0)
          this.#owner.happened({
            type: 'HealthCheckFailed',
            agentId: this.id,
            data: { reason: `processes would not end: ${message.leftovers.join(' ')}` },
          })
        return
      case 'alive':
      case 'screen':
      case 'broken':
      case 'log':
        return
    }
  }

  #ready(tmuxPid: number): void {
    if (this.#current?.recorded) this.#current = null
    if (this.#current) return this.#move('adopt', `task ${this.#current.task.id}`, 'host')
    if (this.record.goal === 'paused') return this.#move('pause', 'paused', 'operator')
    this.#move('ready', `tmux server ${tmuxPid}`, 'host')
    this.#owner.free(this)
  }

  #finished(): void {
    this.#current = null
    this.#programPid = null
    if (this.record.goal === 'paused') this.#move('pause', 'paused', 'operator')
    else this.#move('finish', 'attempt recorded', 'host')
    this.#owner.free(this)
  }

  #lost(reason: string, inMs: number): void {
    this.#owner.happened({ type: 'AgentRestarted', agentId: this.id, data: { reason, inMs } })
    if (this.#state !== 'starting') this.#move('lose', reason, 'process')
  }

  #giveUp(reason: string): void {
    this.#unwatch()
    const task = this.#drop()
    this.#move('fail', reason, 'process')
    this.#owner.gaveUp(this, reason, task)
  }

  /** The host is gone for good: the answer is what it had and had not reported. */
  #drop(): Task | null {
    const current = this.#current
    this.#programPid = null
    this.#current = null
    return current && !current.recorded ? current.task : null
  }

  #move(signal: AgentSignal, reason: string, source: string): void {
    const from = this.#state
    const to = nextAgentState(from, signal)
    if (to === undefined)
      throw new SquadError(
        'SQUADD_CONFLICT',
        `agent ${this.id} is ${from}: ${signal} is not possible`,
        {
          hint: 'look at squadd agent show',
        },
      )
    this.#state = to
    this.#reason = reason
    this.#evidence = [{ source, at: this.#ports.clock.now(), detail: reason }]
    this.#owner.happened({
      type: 'AgentStateChanged',
      agentId: this.id,
      data: { from, to, reason },
    })
    this.#wake()
  }

  #until(until: () => boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiters.push({ until, resolve, reject })
      this.#wake()
    })
  }

  #wake(): void {
    this.#waiters = this.#waiters.filter(({ until, resolve, reject }) => {
      if (this.#state === 'failed') reject(new SquadError('SQUADD_CONFLICT', failedText(this)))
      else if (until()) resolve()
      else return true
      return false
    })
  }
}

const failedText = (agent: SupervisedAgent): string =>
  `agent ${agent.id} failed: ${agent.view().reason}`

const orderOf = (task: Task) => ({
  key: attemptKey(task.id, task.fence),
  prompt: task.prompt,
  verify: task.spec.verify,
})

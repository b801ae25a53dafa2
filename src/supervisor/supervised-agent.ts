import { AgentHealth } from './agent-health.ts'
import { AgentLife } from './agent-life.ts'
import type { AgentOwner, AgentPorts } from './agent-owner.ts'
import { screenOf, typeInto } from './agent-terminal.ts'
import { AttemptSlot, orderOf } from './attempt-slot.ts'
import type { AgentRecord, AgentState, AgentView, RestartReason } from './domain/agent.ts'
import type { AttemptKey, FromHost, HostSetup, Recorded } from './domain/message.ts'
import { parseAttemptKey } from './domain/message.ts'
import { asSquadError, messageOf } from './domain/error.ts'
import type { LoadSample } from './domain/ports.ts'
import type { Evidence, StopReason, Task } from './domain/task.ts'
import { HostLink } from './host-link.ts'
import { loadScore } from './policy/load.ts'

type Owner = AgentOwner<SupervisedAgent>

/** One agent: its state, the evidence for it, and the host that does the work. */
export class SupervisedAgent {
  readonly #life: AgentLife
  record: AgentRecord
  /** Names its folders and its tmux socket: they stay when another owner gives it another record. */
  readonly #key: string
  readonly #ports: AgentPorts
  #owner: Owner
  readonly #link: HostLink
  /** What has the agent now. */
  readonly #slot = new AttemptSlot()
  #programPid: number | null = null
  #unwatch = () => {}
  /** What its program uses, when it was looked at. */
  load: LoadSample | null = null
  lastAssignedAt = 0
  /** When it got the task whose program is not seen yet. */
  #startingSince: number | null = null
  /** When its program asked what it asks. */
  waitingSince = 0
  readonly health = new AgentHealth()
  /** What is left of it after it gave up is being ended: nothing new may begin before. */
  leaving: Promise<void> | null = null

  constructor(record: AgentRecord, ports: AgentPorts, owner: Owner) {
    this.#life = new AgentLife(record.spec.id, ports.clock, (event) => this.#owner.happened(event))
    this.record = record
    this.#key = record.key
    this.#ports = ports
    this.#owner = owner
    this.#link = new HostLink(ports, () => this.setup(), {
      message: (message) => this.#receive(message),
      lost: (lost) => this.#lost(lost),
      gaveUp: (reason) => this.#giveUp(reason),
    })
  }

  /** Goes over to another owner, under the record that one made; only while it has no task. */
  join(id: string, owner: Owner, record: AgentRecord): void {
    this.#life.rename(id)
    this.#owner = owner
    this.record = record
  }

  get id(): string {
    return this.#life.id
  }

  get state(): AgentState {
    return this.#life.state
  }

  get reason(): string | null {
    return this.record.failure ?? this.#life.reason
  }

  get evidence(): Evidence[] {
    return this.#life.evidence
  }

  get programPid(): number | null {
    return this.#programPid
  }

  get isFree(): boolean {
    const isUp = this.state === 'idle' && !this.isLeaving
    return isUp && this.record.goal === 'up' && this.#slot.isEmpty
  }

  /** Its host is told to go, or has gone for good. */
  get isLeaving(): boolean {
    return !this.#link.isKept
  }

  /** The task that it has, until everything about the attempt is recorded and cleaned. */
  get currentTask(): Task | null {
    return this.#slot.task
  }

  get circuitState(): AgentView['circuitState'] {
    return this.#owner.breaker(this)
  }

  get loadScore(): number {
    return loadScore({
      state: this.state,
      timeoutShare: this.#timeoutShare(),
      breaker: this.circuitState,
      cpuPercent: this.load?.cpuPercent ?? 0,
      memoryShare: this.load?.memoryShare ?? 0,
    })
  }

  #timeoutShare(): number {
    const { task } = this.#slot
    if (!task || task.startedAt === null || task.spec.timeoutMs === 0) return 0
    return (this.#ports.clock.now() - task.startedAt) / task.spec.timeoutMs
  }

  /** Brings it up; `running` is the task the store says it has. Throws what git says. */
  async start(running: Task | null): Promise<void> {
    // What fails there is told where it was begun.
    if (this.leaving) await this.leaving.catch(() => {})
    this.leaving = null
    this.#life.move('start', 'starting', 'supervisor')
    // A running program has its worktree; whatever is wrong with that one shows when it ends.
    if (running) this.#slot.take(running, running.want)
    else await this.#place()
    this.#watchOutbox()
    this.#link.forgive()
    this.#link.open()
  }

  /** Shows an agent without a host as what it is. */
  rest(signal: 'pause' | 'stop' | 'fail', reason: string): void {
    if (signal === 'fail') this.health.out(reason)
    this.#life.move(signal, reason, 'store')
  }

  /** Resolves when it is usable or paused. Throws when it failed on the way. */
  untilReady(): Promise<void> {
    return this.#life.until(() => this.state !== 'starting')
  }

  /** Resolves when it has no task. */
  untilFree(): Promise<void> {
    return this.#life.until(() => this.#slot.isEmpty)
  }

  /** Its attempt has been asked to stop, or is over and only being cleaned up. */
  get isStopping(): boolean {
    return this.#slot.isStopping
  }

  /** Its host is up and cleans up after an attempt that is recorded. */
  get isTidying(): boolean {
    return this.state === 'running' && this.#slot.isRecorded
  }

  /** Gives it a claimed task. */
  assign(task: Task): void {
    this.#slot.take(task, null)
    this.lastAssignedAt = this.#ports.clock.now()
    this.#startingSince = this.lastAssignedAt
    this.#life.move('assign', `task ${task.id}`, 'queue')
    this.#link.send({ kind: 'run', order: orderOf(task) })
  }

  /** Ends the attempt at hand; its verdict follows. */
  stopAttempt(reason: StopReason): void {
    const key = this.#slot.stop(reason)
    if (key !== null) this.#link.send({ kind: 'stop-attempt', key, reason })
  }

  /** The store's answer to a verdict: the host may delete its facts. */
  answer(key: AttemptKey, answer: Recorded): void {
    this.#slot.recorded(key)
    this.#link.send({ kind: 'recorded', key, answer })
  }

  /** The goal says paused: it takes no more. */
  pause(reason: string): void {
    this.#life.move('pause', reason, 'operator')
  }

  resume(): void {
    this.#life.move('resume', 'resumed', 'operator')
    this.#owner.free(this)
  }

  /** Ends program, tmux and host, and removes what they leave. Throws what keeps them from going. */
  async end(signal: 'stop' | 'pause', reason: string): Promise<void> {
    this.#unwatch()
    await this.#link.end()
    // A host that died meanwhile has ended nothing, and what it had may be given to another now.
    const left = await this.#ports.hosts.clear(this.setup()).then(() => null, asSquadError)
    const task = this.#drop()
    if (task) this.#owner.lost(this, task, left ? `${reason}; ${left.message}` : reason)
    this.#life.move(signal, reason, 'operator')
    if (left) throw left
  }

  /** Lets tmux and the program live on without us. */
  async detach(): Promise<void> {
    this.#unwatch()
    await this.#link.detach()
  }

  screen(): Promise<string> {
    return screenOf(this.#link)
  }

  /** What its program asks a person; null when it asks nothing. */
  get question(): string | null {
    return this.state === 'waiting' ? this.reason : null
  }

  /** Answers what its program asks. Throws SQUADD_CONFLICT when it asks nothing, or not so. */
  answerProgram(choice: string): Promise<void> {
    return typeInto(this.#link, { kind: 'answer', choice })
  }

  /** Types a text into its program, as a person would. Throws SQUADD_CONFLICT when that cannot be. */
  send(text: string): Promise<void> {
    return typeInto(this.#link, { kind: 'type', text })
  }

  /** Asks the host for a sign of life. Throws SQUADD_TIMEOUT when it hangs. */
  probe(timeoutMs: number): Promise<{ outputAt: number | null }> {
    const ask = () => this.#link.ask<'probe'>({ kind: 'probe' }, timeoutMs)
    return this.health.check(ask, this.#ports.clock)
  }

  get hostPid(): number | null {
    return this.#link.pid
  }

  get hasHost(): boolean {
    return this.hostPid !== null
  }

  get tmuxSocket(): string {
    return this.#ports.tmuxSocket(this.#key)
  }

  /** True while a host should be answering. */
  get isProbeable(): boolean {
    return this.hasHost && this.state !== 'starting'
  }

  /** It has nothing to do. */
  get isResting(): boolean {
    return this.state === 'idle' || this.state === 'paused'
  }

  /** The host hangs: another one takes over what it had. */
  replaceHost(): void {
    this.#link.kill()
  }

  async #place(): Promise<void> {
    const { spec, worktree, ownsBranch } = this.record
    const { clock, meter } = this.#ports
    const began = clock.now()
    try {
      await this.#owner.placed(this, await this.#ports.worktrees.ensure(spec, worktree, ownsBranch))
      meter.dispatched('worktree', clock.now() - began)
    } catch (error) {
      this.#giveUp(messageOf(error))
      throw error
    }
  }

  /** What its host is told. */
  setup(): HostSetup {
    return this.#ports.setup({ ...this.record, key: this.#key }, this.#slot.current)
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
        return this.#hasStarted()
      case 'asks':
        if (this.#slot.has(message.key)) this.#asks(message.question)
        return
      case 'conversation':
        return this.#owner.named(this, message.id)
      case 'verdict':
        return this.#owner.verdict(this, message.verdict)
      case 'orphans':
        return this.#orphans(message.key, message.count)
      case 'cleaned':
        if (this.#slot.has(message.key)) this.#finished()
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
      case 'typed':
      case 'broken':
        return
      case 'log':
        return this.#owner.said(this, message)
    }
  }

  #orphans(key: AttemptKey, count: number): void {
    const taskId = parseAttemptKey(key)?.taskId
    this.#owner.happened({
      type: 'OrphansKilled',
      agentId: this.id,
      ...(taskId === undefined ? {} : { taskId }),
      data: { count },
    })
  }

  #hasStarted(): void {
    const { clock, meter } = this.#ports
    if (this.#startingSince !== null) meter.dispatched('start', clock.now() - this.#startingSince)
    this.#startingSince = null
  }

  #ready(tmuxPid: number): void {
    this.#recovered()
    if (this.#slot.isRecorded) this.#slot.clear()
    const { task } = this.#slot
    if (task) return this.#life.move('adopt', `task ${task.id}`, 'host')
    if (this.record.goal === 'paused') this.#life.move('pause', 'paused', 'operator')
    else this.#life.move('ready', `tmux server ${tmuxPid}`, 'host')
    this.#owner.free(this)
  }

  #finished(): void {
    this.#slot.clear()
    this.#programPid = null
    if (this.record.goal === 'paused') this.#life.move('pause', 'paused', 'operator')
    else this.#life.move('finish', 'attempt recorded', 'host')
    this.#owner.free(this)
  }

  #asks(question: string | null): void {
    if (question === null) {
      if (this.state === 'waiting') this.#life.move('answer', 'it was answered', 'host')
      return
    }
    if (this.state !== 'running') return
    this.#life.move('ask', question, 'host')
    this.waitingSince = this.#ports.clock.now()
    this.#owner.asks(this, question)
  }

  #recovered(): void {
    const reason = this.health.back()
    if (reason === null) return
    this.#owner.happened({ type: 'AgentRecovered', agentId: this.id, data: { reason } })
  }

  #lost(lost: { kind: RestartReason; reason: string; inMs: number }): void {
    const { reason } = lost
    this.health.out(reason)
    this.#owner.happened({ type: 'AgentRestarted', agentId: this.id, data: lost })
    if (this.state !== 'starting') this.#life.move('lose', reason, 'process')
  }

  #giveUp(reason: string): void {
    this.#unwatch()
    this.health.out(reason)
    const task = this.#drop()
    this.#life.move('fail', reason, 'process')
    this.#owner.gaveUp(this, reason, task)
  }

  /** The host is gone for good: the answer is what it had and had not reported. */
  #drop(): Task | null {
    const { task, isRecorded } = this.#slot
    this.#programPid = null
    this.#slot.clear()
    if (isRecorded) this.#owner.vacated()
    return isRecorded ? null : task
  }
}

import type { AgentGoal, AgentState, ProgramName } from '../domain/agent.ts'
import type { Breaker, BreakerConfig } from './breaker.ts'
import { breakerAt, mayPass } from './breaker.ts'
import { serves } from './scheduler.ts'

/** What is in the way, in words; `until` when that is known, ms since 1970. */
export type Bar = { code: BarCode; text: string; until: number | null }

export type BarCode =
  | 'draining'
  | 'pressure'
  | 'concurrency'
  | 'no-agent'
  | 'lane'
  | 'busy'
  | 'agent-state'
  | 'agent-breaker'
  | 'program-breaker'
  | 'program-limit'
  | 'label-limit'

/** One agent, as far as it matters for who gets a task. */
export type AgentFacts = {
  id: string
  labels: readonly string[]
  program: ProgramName
  state: AgentState
  goal: AgentGoal
  reason: string | null
  /** Its host is told to go; it may be wanted again afterwards. */
  isLeaving: boolean
  currentTask: string | null
  /** Its attempt is recorded; it is free as soon as that one is cleaned up. */
  isTidying: boolean
  breaker: Breaker
}

/** What all agents share. */
export type SquadFacts = {
  now: number
  breakers: BreakerConfig
  programBreaker: (program: ProgramName) => Breaker
  /** Attempts under way, by program and by label of their agent. */
  running: { program: ReadonlyMap<string, number>; label: ReadonlyMap<string, number> }
  limits: { program: Readonly<Record<string, number>>; label: Readonly<Record<string, number>> }
}

/** What keeps this agent from taking any task now; null: nothing. */
export function agentBar(agent: AgentFacts, squad: SquadFacts): Bar | null {
  // What is over in a moment is named only when nothing that lasts is in the way.
  const lasting = agent.isTidying ? goalBar(agent) : stateBar(agent)
  return lasting ?? breakerBar(agent, squad) ?? limitBar(agent, squad) ?? tidyBar(agent)
}

/** What keeps this agent from taking tasks of this lane, whenever it is; null: nothing. */
export function laneBar(agent: AgentFacts, lane: string): Bar | null {
  if (serves(agent, lane)) return null
  return bar('lane', `${agent.id} does not serve ${lane}`)
}

function stateBar(agent: AgentFacts): Bar | null {
  const { id, state, reason, isLeaving, currentTask } = agent
  if (state === 'running' && currentTask !== null) return bar('busy', `${id} runs ${currentTask}`)
  if (state === 'waiting') return bar('busy', `${id} waits for a person: ${reason}`)
  if (currentTask !== null) return bar('busy', `${id} finishes ${currentTask}`)
  if (state !== 'idle')
    return bar('agent-state', `${id} is ${state}: ${reason ?? 'no reason given'}`)
  if (isLeaving) return bar('agent-state', `${id} is just being ended`)
  return goalBar(agent)
}

const goalBar = ({ id, goal }: AgentFacts): Bar | null =>
  goal === 'up' ? null : bar('agent-state', `${id} is to be ${goal}`)

function tidyBar({ id, isTidying, currentTask }: AgentFacts): Bar | null {
  return isTidying ? bar('busy', `${id} tidies up after ${currentTask}`) : null
}

function breakerBar({ id, program, breaker }: AgentFacts, squad: SquadFacts): Bar | null {
  const { now, breakers, programBreaker } = squad
  if (!mayPass(breaker, breakers, now))
    return bar('agent-breaker', `the breaker of ${id} is ${wordsFor(breaker, now)}`, endOf(breaker))
  const shared = programBreaker(program)
  if (!mayPass(shared, breakers, now))
    return bar(
      'program-breaker',
      `the breaker of ${program} is ${wordsFor(shared, now)}`,
      endOf(shared),
    )
  return null
}

function limitBar({ program, labels }: AgentFacts, { running, limits }: SquadFacts): Bar | null {
  const most = limits.program[program]
  const now = running.program.get(program) ?? 0
  if (most !== undefined && now >= most)
    return bar('program-limit', `${now} of at most ${most} tasks run on ${program}`)
  for (const label of labels) {
    const most = limits.label[label]
    const now = running.label.get(label) ?? 0
    if (most !== undefined && now >= most)
      return bar('label-limit', `${now} of at most ${most} tasks run on agents with label ${label}`)
  }
  return null
}

const wordsFor = (breaker: Breaker, now: number): string =>
  breakerAt(breaker, now).kind === 'open' ? 'open' : 'half-open and all its probes are out'

const endOf = (breaker: Breaker): number | null => (breaker.kind === 'open' ? breaker.until : null)

export const bar = (code: BarCode, text: string, until: number | null = null): Bar => ({
  code,
  text,
  until,
})

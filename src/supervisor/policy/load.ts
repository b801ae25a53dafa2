import type { AgentState } from '../domain/agent.ts'

/** What makes an agent more or less fit for a task. */
export type LoadFacts = {
  state: AgentState
  /** How much of its time limit the running attempt has used, 0 to 1; 0 without a task. */
  timeoutShare: number
  breaker: 'closed' | 'half-open' | 'open'
  /** Of the agent's process tree; 100 is one core. */
  cpuPercent: number
  /** Of the machine's memory, 0 to 1. */
  memoryShare: number
}

/** The least load of an agent in each state. */
const loadOfState: Record<AgentState, number> = {
  idle: 0,
  running: 0.5,
  waiting: 0.6,
  starting: 0.7,
  paused: 1,
  failed: 1,
  stopped: 1,
}

const loadOfBreaker = { closed: 0, 'half-open': 0.3, open: 1 } as const

/**
 * 0 (free) to 1 (unfit to take a task). Each fact takes its share of what the others leave, so the
 * score never falls when one fact gets worse (states: idle, running, waiting, starting, the rest) and
 * stays within 0 and 1 for any input; what is not a number counts as 0.
 */
export function loadScore(facts: LoadFacts): number {
  const cores = facts.cpuPercent > 0 ? facts.cpuPercent / 100 : 0
  const shares = [
    loadOfState[facts.state],
    loadOfBreaker[facts.breaker],
    0.2 * clamp(facts.timeoutShare),
    // Half of its weight at one core, all of it at very many.
    0.3 * clamp(1 - 1 / (1 + cores)),
    0.3 * clamp(facts.memoryShare),
  ]
  return 1 - shares.reduce((free, share) => free * (1 - share), 1)
}

const clamp = (share: number): number => (share > 0 ? Math.min(1, share) : 0)

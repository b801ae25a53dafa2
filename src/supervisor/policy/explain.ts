import type { Explanation, Reason } from '../domain/explanation.ts'
import type { Evidence, Task } from '../domain/task.ts'
import { formatDuration } from '../domain/time.ts'
import type { AgentFacts, Bar, SquadFacts } from './eligibility.ts'
import { agentBar, laneBar } from './eligibility.ts'

export type TaskFacts = {
  task: Task
  now: number
  agents: readonly AgentFacts[]
  squad: SquadFacts
  /** What keeps the whole squad from taking one task more (policy/admission.ts). */
  admission: Bar | null
  parents: readonly Pick<Task, 'id' | 'state'>[]
  /** Ready tasks that go before it. */
  ahead: number
}

type Story = Pick<Explanation, 'summary' | 'reasons' | 'wayOut'>

const plain = (summary: string, wayOut: string[] = [], reasons: Reason[] = []): Story => ({
  summary,
  reasons,
  wayOut,
})

/** Why a task is where it is, by the same rules that decide about it. */
export function explainTask(facts: TaskFacts): Explanation {
  const { task } = facts
  const at = task.endedAt ?? task.startedAt ?? task.createdAt
  const recorded: Evidence[] = task.result?.evidence ?? []
  const own: Evidence = { source: 'queue', at, detail: task.reason ?? `it is ${task.state}` }
  return {
    subject: task.id,
    state: task.state,
    since: at,
    evidence: [own, ...recorded],
    ...storyOf(facts),
  }
}

function storyOf(facts: TaskFacts): Story {
  const { task, now } = facts
  switch (task.state) {
    case 'blocked':
      return blocked(facts)
    case 'delayed': {
      const left = formatDuration(Math.max(0, (task.notBeforeAt ?? now) - now))
      const why = task.reason === null ? 'it was submitted for later' : task.reason
      return plain(
        `it waits ${left} more: ${why}`,
        [],
        [{ code: 'not-before', text: why, until: task.notBeforeAt }],
      )
    }
    case 'ready':
      return ready(facts)
    case 'running':
      return running(facts)
    case 'held':
      return plain(
        `it needs a person: ${task.reason}`,
        [
          `squadd task release ${task.id} lets it go on`,
          `squadd task cancel ${task.id} gives it up`,
        ],
        [{ code: 'held', text: task.reason ?? 'held', until: null }],
      )
    case 'completed':
      return plain(`it succeeded on ${task.agent}, attempt ${task.attempt}`)
    case 'failed':
    case 'cancelled':
      return plain(`it ${task.state === 'failed' ? 'failed' : 'was cancelled'}: ${task.reason}`, [
        `squadd task retry ${task.id} begins it again`,
      ])
  }
}

function blocked({ task, parents }: TaskFacts): Story {
  const open = parents.filter(({ state }) => state !== 'completed')
  const reasons = open.map(({ id, state }) => ({
    code: 'parent',
    text: `${id} is ${state}`,
    until: null,
  }))
  const names = open.map(({ id }) => id).join(', ')
  const wayOut = open
    .filter(({ state }) => state === 'held' || state === 'failed' || state === 'cancelled')
    .map(({ id }) => `squadd explain ${id} says what it needs`)
  return plain(`it waits for ${names || task.spec.after.join(', ')}`, wayOut, reasons)
}

function ready({ task, agents, squad, admission, ahead }: TaskFacts): Story {
  const { lane } = task
  const serving = agents.filter((agent) => laneBar(agent, lane) === null)
  if (serving.length === 0)
    return plain(
      `no agent may take it: it is for ${laneWords(lane)}`,
      [
        `squadd agent add … makes one that is ${laneWords(lane)}`,
        `squadd task cancel ${task.id} gives it up`,
      ],
      [{ code: 'no-agent', text: `none of ${agents.length} agents serves ${lane}`, until: null }],
    )
  const bars = serving.map((agent) => agentBar(agent, squad))
  const inTheWay = bars.filter((one) => one !== null)
  if (admission) return plain(admission.text, [], [admission, ...inTheWay])
  if (inTheWay.length < serving.length)
    return plain(`an agent is free: it is next after ${ahead} others`, [], inTheWay)
  const [first] = inTheWay
  const summary =
    inTheWay.length === 1
      ? first!.text
      : `none of the ${inTheWay.length} agents that serve it can: ${first!.text}`
  return plain(`${summary}; ${ahead} tasks go before it`, waysOut(serving, inTheWay), inTheWay)
}

function waysOut(serving: readonly AgentFacts[], bars: readonly Bar[]): string[] {
  return serving.flatMap(({ id, state }, i) => {
    if (state === 'waiting') return answers(id)
    if (bars[i]?.code !== 'agent-state') return []
    if (state === 'failed') return [`squadd agent reset ${id}`]
    return state === 'paused' || state === 'stopped' ? [`squadd agent resume ${id}`] : []
  })
}

const answers = (id: string): string[] => [
  `squadd agent answer ${id} yes|no`,
  `squadd agent attach ${id} --write`,
]

function running({ task, now, agents }: TaskFacts): Story {
  const since = formatDuration(now - (task.startedAt ?? now))
  const { timeoutMs } = task.spec
  const end = timeoutMs > 0 && task.startedAt !== null ? task.startedAt + timeoutMs : null
  const limit = end === null ? 'without a time limit' : `at most ${formatDuration(timeoutMs)}`
  const asked = task.want === null ? '' : `; it has been asked to stop (${task.want})`
  const holder = agents.find(({ id }) => id === task.agent)
  if (holder?.state === 'waiting') {
    const text = `${holder.id} waits for a person: ${holder.reason}`
    return plain(text, answers(holder.id), [{ code: 'question', text, until: end }])
  }
  return plain(
    `${task.agent} has it since ${since}, ${limit}${asked}`,
    [],
    [{ code: 'running', text: `attempt ${task.attempt} on ${task.agent}`, until: end }],
  )
}

const laneWords = (lane: string): string =>
  lane
    .replace('agent:', 'one of ')
    .replace('label:', 'labelled ')
    .replaceAll('+', ', ')
    .replace(';', ' and ')

/** Why an agent is as it is, and whether it may take a task. */
export function explainAgent(
  agent: AgentFacts,
  squad: SquadFacts,
  admission: Bar | null,
  evidence: readonly Evidence[],
): Explanation {
  const reasons = [agentBar(agent, squad), admission].filter((one) => one !== null)
  const first = reasons[0]
  return {
    subject: agent.id,
    state: agent.state,
    since: evidence[0]?.at ?? squad.now,
    summary: first ? first.text : `${agent.id} may take a task now`,
    reasons,
    wayOut: first ? waysOut([agent], [first]) : [],
    evidence: [...evidence],
  }
}

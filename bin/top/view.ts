import type { AgentView } from '../../src/supervisor/domain/agent.ts'
import { agentRows, agentTable } from './agent-table.ts'
import type { TopFacts } from './facts.ts'
import { stateStyles } from './facts.ts'
import type { Line, Span, Style } from './text.ts'
import { age, cost, fitLine, harmless, memory } from './text.ts'

export type Size = { columns: number; rows: number }

// Below this no row is left empty for the eye.
const lowRows = 30
// And below this the selected agent has no lines of its own.
const tinyRows = 16

const keys = '↑↓ select · a attach · w attach to type · p pause/resume · c cancel · q quit'

/** The whole screen: at most `rows` lines, none wider than `columns`. */
export function view(facts: TopFacts, { columns, rows }: Size): Line[] {
  const isLow = rows < lowRows
  const head = summary(facts)
  const foot = [...(isLow ? [] : [[]]), ...(rows < tinyRows ? [] : details(facts)), footer(facts)]
  const waits = waiting(facts, { most: isLow ? Math.ceil(rows / 8) : Math.floor(rows / 5), isLow })
  const room = Math.max(1, rows - head.length - foot.length - waits.length - 2)
  const table = agentTable(facts, columns, room)
  const space = Math.max(0, rows - head.length - table.length - waits.length - foot.length)
  const lines = [...head, ...table, ...waits, ...Array.from({ length: space }, () => []), ...foot]
  return [...lines.slice(0, rows - 1), lines.at(-1)!]
    .slice(-rows)
    .map((line) => fitLine(line, columns))
}

/** All of it for a file or a pipe: as many lines as it takes, nobody to press a key. */
export function snapshot(facts: TopFacts, columns: number): Line[] {
  const table = agentRows({ ...facts, selected: null }, columns)
  const waits = waiting(facts, { most: Number.POSITIVE_INFINITY, isLow: false })
  return [...summary(facts), [], ...table, ...waits].map((line) => fitLine(line, columns))
}

function summary({ status, agents, now }: TopFacts): Line[] {
  const { version, uptimeMs, home, queue, tasks } = status
  const { total, ...states } = status.agents
  const { ready: _ready, delayed, blocked, held, ...others } = tasks
  const oldest = queue.oldestReadyAt === null ? [] : [`oldest ${age(now - queue.oldestReadyAt)}`]
  const sum = (of: (agent: AgentView) => number) =>
    agents.reduce((all, agent) => all + of(agent), 0)
  const use = [
    `cpu ${Math.round(sum((agent) => agent.cpuPercent))}%`,
    `memory ${memory(sum((agent) => agent.memoryBytes))}`,
    `cost ${cost(sum((agent) => agent.costUsd))}`,
  ]
  return [
    [
      { text: `squadd ${version}`, style: 'bold' },
      { text: `  up ${age(uptimeMs)} · ${use.join(' · ')}  ` },
      { text: harmless(home), style: 'dim' },
    ],
    [{ text: 'agents ', style: 'bold' }, { text: `${total}  ` }, ...counted(states)],
    [
      { text: 'queue  ', style: 'bold' },
      { text: `${tasks.ready} ready  ` },
      ...counted(queue.byPriority, queue.isWhole ? '' : '+'),
      ...(oldest.length > 0 ? [{ text: `  ${oldest.join('')}` }] : []),
      ...prefixed(counted({ delayed, blocked, held })),
    ],
    [{ text: 'tasks  ', style: 'bold' }, ...counted(others, '', 'none yet')],
  ]
}

/** `3 critical · 1 low`: what there is none of is left out. */
function counted(numbers: Partial<Record<string, number>>, more = '', otherwise = ''): Span[] {
  const found = Object.entries(numbers).filter(([, count]) => count)
  if (found.length === 0) return otherwise ? [{ text: otherwise, style: 'dim' }] : []
  return found.flatMap(([name, count], i) => [
    ...(i > 0 ? [{ text: ', ' }] : []),
    styled(`${count}${more} ${name}`, stateStyles[name]),
  ])
}

const prefixed = (spans: Span[]): Span[] => (spans.length > 0 ? [{ text: '  ' }, ...spans] : [])

const styled = (text: string, style: Style | undefined): Span =>
  style ? { text, style } : { text }

/** Who waits for a person. */
function waiting(
  { agents, status, now }: TopFacts,
  { most, isLow }: { most: number; isLow: boolean },
): Line[] {
  const asking = agents.filter(({ state }) => state === 'waiting')
  const { held } = status.tasks
  const lines: Line[] = asking.map(({ id, currentTask, reason, evidence }) => [
    styled(`! ${id} ${currentTask ?? ''} `, 'yellow'),
    { text: `${age(now - (evidence[0]?.at ?? now))}: ${harmless(reason ?? 'it asks something')}` },
  ])
  if (held > 0) {
    const what = held === 1 ? '1 task is held' : `${held} tasks are held`
    lines.push([styled(`! ${what}`, 'yellow'), { text: ': squadd task list --state held' }])
  }
  if (lines.length === 0) return []
  const left = lines.length - most
  const shown = left > 0 ? lines.slice(0, most - 1) : lines
  if (left > 0) shown.push([styled(`! and ${left + 1} more`, 'yellow')])
  return isLow ? shown : [[], [{ text: 'waits for you', style: 'bold' }], ...shown]
}

/** What is to be known of the selected agent beside its row. */
function details({ agents, selected, now, tasks }: TopFacts): Line[] {
  const agent = agents.find(({ id }) => id === selected)
  if (!agent) return []
  const { evidence, program, mode, branch, labels, circuitState, currentTask } = agent
  const first = evidence[0]
  const why = first ? `${first.source}, ${age(now - first.at)} ago: ${first.detail}` : 'none'
  const what = [
    `${program} ${mode}`,
    branch,
    ...(labels.length > 0 ? [labels.join(',')] : []),
    ...(circuitState === 'closed' ? [] : [`breaker ${circuitState}`]),
    ...(currentTask ? [`${currentTask} ${tasks.get(currentTask)?.priority ?? ''}`.trim()] : []),
  ]
  return [
    [{ text: `${agent.id} `, style: 'bold' }, { text: harmless(what.join(' · ')) }],
    [{ text: harmless(`${agent.state} · evidence: ${why}`), style: 'dim' }],
  ]
}

function footer({ message }: TopFacts): Line {
  if (message !== null) return [{ text: harmless(message), style: 'yellow' }]
  return [{ text: keys, style: 'dim' }]
}

import type { AgentView } from '../../src/supervisor/domain/agent.ts'
import type { TopFacts } from './facts.ts'
import { stateStyles } from './facts.ts'
import type { Line, Span } from './text.ts'
import { age, cell, cost, harmless, memory, plainText, widthOf } from './text.ts'

type Column = {
  name: string
  of: (agent: AgentView, facts: TopFacts) => string
  /** Its width: as wide as its widest text, within these. */
  least: number
  most: number
  align?: 'right'
  /** Only on a terminal of so many columns. */
  from?: number
}

// From so many columns on there is room for gaps and long names.
const wide = 120
const longestNarrowName = 14

const table: readonly Column[] = [
  { name: 'AGENT', of: ({ id }) => id, least: 5, most: 20 },
  { name: 'STATE', of: ({ state }) => state, least: 8, most: 8 },
  { name: 'FOR', of: sinceOf, least: 4, most: 4, align: 'right' },
  { name: 'TASK', of: ({ currentTask }) => currentTask ?? '-', least: 4, most: 9 },
  { name: 'CPU', of: cpuOf, least: 4, most: 5, align: 'right' },
  { name: 'MEM', of: ({ memoryBytes }) => memory(memoryBytes), least: 5, most: 5, align: 'right' },
  { name: 'COST', of: ({ costUsd }) => cost(costUsd), least: 5, most: 7, align: 'right' },
  {
    name: 'DONE',
    of: (one) => `${one.tasksCompleted}`,
    least: 4,
    most: 6,
    align: 'right',
    from: wide,
  },
  {
    name: 'FAIL',
    of: (one) => `${one.tasksFailed}`,
    least: 4,
    most: 6,
    align: 'right',
    from: wide,
  },
  { name: 'PROGRAM', of: ({ program }) => program, least: 7, most: 8, from: wide },
  { name: 'EVIDENCE', of: evidenceOf, least: 8, most: 44, from: 150 },
]

/** The agents around the selected one, in so many rows below two of heading. */
export function agentTable(facts: TopFacts, columns: number, room: number): Line[] {
  const { agents, selected } = facts
  const [heading = [], ...rows] = agentRows(facts, columns)
  if (rows.length <= room) return [[], heading, ...rows]
  const at = agents.findIndex(({ id }) => id === selected)
  const from = Math.min(Math.max(0, at - Math.floor(room / 2)), rows.length - room)
  const range = `  agents ${from + 1} to ${from + room} of ${agents.length}`
  return [[{ text: range, style: 'dim' }], heading, ...rows.slice(from, from + room)]
}

/** The heading and every agent; what it does takes the room that is left. */
export function agentRows(facts: TopFacts, columns: number): Line[] {
  const { agents, selected } = facts
  if (agents.length === 0) return [[{ text: 'no agents yet: squadd agent add NAME --repo PATH' }]]
  const gap = columns >= wide ? '  ' : ' '
  const shown = table
    .filter(({ from = 0 }) => columns >= from)
    .map((column) => {
      const texts = agents.map((agent) => harmless(column.of(agent, facts)))
      const { least } = column
      const most = columns < wide ? Math.min(column.most, longestNarrowName) : column.most
      return { ...column, texts, width: Math.min(most, Math.max(least, widthOf(texts))) }
    })
  const used = shown.reduce((sum, { width }) => sum + gap.length + width, 1 + gap.length)
  const left = Math.max(5, columns - used)
  const heading = shown.map(({ name, width, align }) => gap + cell(name, width, align))
  return [
    [{ text: ` ${heading.join('')}${gap}DOING`, style: 'bold' }],
    ...agents.map((agent, n) => {
      const row: Span[] = shown.map(({ name, texts, width, align }) => {
        const text = gap + cell(texts[n]!, width, align)
        const style = name === 'STATE' ? stateStyles[agent.state] : undefined
        return style ? { text, style } : { text }
      })
      row.push({ text: gap + cell(harmless(doing(agent, facts)), left) })
      if (agent.id !== selected) return [{ text: ' ' }, ...row]
      return [{ text: `>${plainText(row)}`, style: 'inverse' as const }]
    }),
  ]
}

function sinceOf({ evidence }: AgentView, { now }: TopFacts): string {
  return evidence[0] ? age(now - evidence[0].at) : '-'
}

function cpuOf({ programPid, cpuPercent }: AgentView): string {
  return programPid === null ? '-' : `${Math.round(cpuPercent)}%`
}

function evidenceOf({ evidence }: AgentView): string {
  return evidence[0] ? `${evidence[0].source}: ${evidence[0].detail}` : '-'
}

/** Its task's first line; else why it is as it is. */
function doing({ state, reason, currentTask }: AgentView, { tasks }: TopFacts): string {
  if (state === 'waiting') return `? ${reason ?? ''}`
  const prompt = currentTask === null ? undefined : tasks.get(currentTask)?.prompt
  if (prompt !== undefined) return prompt.trim().split('\n')[0] ?? ''
  return state === 'idle' ? '' : (reason ?? '')
}

import type { Definition } from '../definitions.ts'
import { definitions } from '../definitions.ts'
import type { Query } from './query.ts'

/** What a name means, as a colour: one for all dashboards. */
const meanings: Record<string, readonly string[]> = {
  green: ['completed', 'succeeded', 'idle', 'closed', 'delivered', '2xx'],
  blue: ['running', 'normal', 'busy', 'input', 'used'],
  'light-blue': ['starting', 'ready', 'low', 'not_started', 'free'],
  purple: ['blocked', 'output', 'preempted'],
  'super-light-purple': ['delayed'],
  'semi-dark-yellow': ['waiting', 'high', 'half-open', 'timed_out', 'retried', '4xx'],
  orange: ['held', 'unknown', 'max'],
  red: ['failed', 'critical', 'open', 'dropped', '5xx'],
  'dark-purple': ['paused', 'aborted'],
  '#8e8e8e': ['cancelled', 'stopped'],
}

const colours = new Map(
  Object.entries(meanings).flatMap(([colour, names]) => names.map((name) => [name, colour])),
)

export const colourOf = (name: string): string | undefined => colours.get(name)

/** The names of a query's series, as far as the table of metrics knows them, that mean something. */
export function namesWithColour({
  legend,
  metrics: [name],
}: Query): [name: string, colour: string][] {
  const label = /^\{\{(\w+)\}\}$/.exec(legend)?.[1]
  const { labels } = (name ? definitions[name] : {}) as Partial<Definition>
  const values = label === undefined ? [legend] : labels?.[label]
  if (values === undefined || values === 'free') return []
  return values.flatMap((value) => {
    const colour = colourOf(value)
    return colour === undefined ? [] : [[value, colour] satisfies [string, string]]
  })
}

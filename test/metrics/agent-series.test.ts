import t from 'tap'
import { AgentSeries } from '../../src/metrics/agent-series.ts'
import { agentReading } from '../support/metric-sources.ts'

t.test('the lines of agents are made anew only where something else begins them', (t) => {
  const series = new AgentSeries()
  const starts = (state: 'running' | 'idle', ...ids: string[]) =>
    series.families(ids.map((id) => agentReading(id, { state }))).map((family) => family.starts)
  const first = starts('running', 'a1', 'a2')
  const again = starts('running', 'a1', 'a2')
  t.ok(first.length > 1)
  for (const [i, lines] of again.entries()) t.equal(lines, first[i])
  const [info, ...others] = starts('idle', 'a1', 'a2')
  t.same(
    info,
    first[0]!.map((line) => line.replace('running', 'idle')),
    'they have moved',
  )
  for (const [i, lines] of others.entries()) t.equal(lines, first[i + 1])
  t.same(
    starts('idle', 'a2').map((lines) => lines.every((line) => line.includes('agent="a2"'))),
    first.map(() => true),
    'one has gone',
  )
  t.same(
    series.families([]).map(({ starts }) => starts.length),
    first.map(() => 0),
  )
  t.end()
})

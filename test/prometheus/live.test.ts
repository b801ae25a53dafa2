import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { execa } from 'execa'
import t from 'tap'
import { parse } from 'yaml'
import { agentStates } from '../../src/supervisor/domain/agent.ts'
import { priorities, taskStates } from '../../src/supervisor/domain/task.ts'
import { dashboards, queriesOf } from '../support/dashboards.ts'
import { noPrometheus } from '../support/prometheus.ts'
import type { Series } from '../support/prometheus.ts'
import { filledIn, namesIn } from '../support/promql.ts'
import { WatchedSquad } from '../support/watched-squad.ts'
import { play, sceneSettings } from './scene.ts'

/** What Prometheus makes itself. */
const ofPrometheus = new Set(['ALERTS'])
const provisioning = join(import.meta.dirname, '../../grafana/provisioning')

const hasNumber = (series: readonly Series[]): boolean =>
  series.some(({ points }) => points.some(([, value]) => Number.isFinite(value)))

t.test(
  'a real Prometheus watches a squad to which everything happens',
  { skip: noPrometheus },
  async (t) => {
    const begin = Date.now() / 1000
    const watched = await WatchedSquad.start(sceneSettings)
    const { prometheus, client } = watched
    t.teardown(() => watched.remove())
    await play(watched)
    await prometheus.until('squadd_agents{state="waiting"} > 0')
    await prometheus.until('squadd_agent_breakers{state="half-open"} > 0')
    await prometheus.until('ALERTS{alertname="SquaddAgentFailed", alertstate="firing"}')
    await prometheus.seenAll()
    const end = Date.now() / 1000
    /** The last step comes up to a second before the end that is asked for. */
    const course = (query: string) => prometheus.queryRange(query, begin, end + 1, 1)
    const scrape = await client.call('metrics', {})
    /** The live metrics: what a scrape says, not what a table says. */
    const live = new Map(
      [...scrape.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name = '', type = '']) => [
        name,
        type,
      ]),
    )
    const familyOf = (name: string): string => {
      const family = name.replace(/_(bucket|sum|count)$/, '')
      return live.get(family) === 'histogram' ? family : name
    }

    await t.test('promtool finds nothing to say about a live scrape', async (t) => {
      const { exitCode, all } = await execa('promtool', ['check', 'metrics'], {
        input: scrape,
        all: true,
        reject: false,
      })
      t.equal(exitCode, 0, all)
    })

    await t.test('every state was seen', async (t) => {
      const seen = async (metric: string, label: string, values: readonly string[]) => {
        const series = await prometheus.query(`max_over_time(${metric}[10m]) > 0`)
        const found = new Set(series.map((one) => one.metric[label]))
        for (const value of values) t.ok(found.has(value), `${metric} ${label} ${value}`)
      }
      await seen('squadd_tasks', 'state', taskStates)
      await seen('squadd_agents', 'state', agentStates)
      await seen('squadd_agent_info', 'state', agentStates)
      await seen('squadd_agent_breakers', 'state', ['closed', 'open', 'half-open'])
      await seen('squadd_program_breakers', 'state', ['closed', 'open'])
      await seen('squadd_tasks_submitted_total', 'priority', priorities)
      await seen('squadd_tasks_finished_total', 'state', ['completed', 'failed', 'cancelled'])
      const ends = ['succeeded', 'failed', 'cancelled', 'timed_out', 'preempted', 'unknown']
      await seen('squadd_attempts_total', 'outcome', ends)
      await seen('squadd_agent_tokens_total', 'direction', ['input', 'output'])
      await seen('squadd_agent_cost_usd_total', 'program', ['claude', 'shell'])
      for (const metric of [
        'squadd_agent_readopted_total',
        'squadd_agent_restarts_total',
        'squadd_agent_questions_total',
        'squadd_orphans_killed_total',
        'squadd_event_subscribers',
      ])
        t.ok(hasNumber(await prometheus.query(`max_over_time(${metric}[10m]) > 0`)), metric)
    })

    await t.test('every query of every panel has an answer', async (t) => {
      for (const dashboard of dashboards())
        for (const { expr, where } of queriesOf(dashboard))
          t.ok(hasNumber(await course(filledIn(expr))), `${where}: ${expr}`)
    })

    await t.test('every choice of a dashboard has something to choose', async (t) => {
      for (const { uid, templating } of dashboards())
        for (const { name, type, query } of templating.list) {
          if (type !== 'query' || typeof query === 'string') continue
          const [, metric, label] = /^label_values\((\w+), (\w+)\)$/.exec(query.query) ?? []
          const series = await prometheus.query(`group by (${label}) (${metric})`)
          t.ok(
            series.some((one) => one.metric[label!]),
            `${uid}: ${name}`,
          )
        }
    })

    await t.test('dashboards show every metric there is, and none that is not', async (t) => {
      const queries = dashboards().flatMap(queriesOf)
      const shown = new Set(
        queries.flatMap(({ expr }) => [...namesIn(filledIn(expr)).metrics].map(familyOf)),
      )
      t.ok(live.size > 10, `${live.size} metrics`)
      for (const name of live.keys()) t.ok(shown.has(name), `${name} is shown`)
      for (const name of shown) t.ok(live.has(name) || ofPrometheus.has(name), `${name} exists`)
    })

    await t.test('queries name only labels that the series have', async (t) => {
      for (const { expr, legend, where } of dashboards().flatMap(queriesOf)) {
        const { metrics, labels } = namesIn(filledIn(expr))
        for (const [, label = ''] of legend.matchAll(/\{\{(\w+)\}\}/g)) labels.add(label)
        const known = new Set<string>()
        for (const name of metrics)
          for (const { metric } of await prometheus.query(`last_over_time(${name}[10m])`))
            for (const label of Object.keys(metric)) known.add(label)
        for (const label of labels) t.ok(known.has(label), `${where}: ${label}`)
      }
    })

    await t.test('every recording rule has an answer, and no rule an error', async (t) => {
      const groups = await prometheus.rules()
      for (const rule of groups.flatMap((group) => group.rules)) {
        t.equal(rule.health, 'ok', `${rule.name}: ${rule.lastError ?? ''}`)
        if (rule.type === 'recording') t.ok(hasNumber(await course(rule.name)), rule.name)
        for (const name of namesIn(rule.query).metrics)
          t.ok(
            live.has(familyOf(name)) || ['up', 'ALERTS'].includes(name) || name.includes(':'),
            `${rule.name}: ${name} exists`,
          )
      }
    })

    await t.test("what Grafana's own rule asks is answered while an alert fires", async (t) => {
      const file = parse(readFileSync(join(provisioning, 'alerting/squadd.yaml'), 'utf8')) as {
        groups: { rules: { data: { model: { expr: string } }[] }[] }[]
      }
      const { expr } = file.groups[0]!.rules[0]!.data[0]!.model
      const alerts = (await prometheus.query(expr)).map(({ metric }) => metric['alert'])
      t.ok(alerts.includes('SquaddAgentFailed'), alerts.join(' '))
    })

    await t.test('exemplars lead from a histogram to a task', async (t) => {
      const found = await prometheus.exemplars('squadd_task_duration_seconds_bucket', begin, end)
      t.match(found[0]?.['task_id'], /^t\d+$/)
    })
  },
)

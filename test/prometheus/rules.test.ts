import { cpSync, globSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { execa } from 'execa'
import t from 'tap'
import { parse } from 'yaml'
import { scratch } from '../support/api.ts'
import { noPrometheus, shipped } from '../support/prometheus.ts'

type Test = { equal(found: unknown, wanted: unknown, message: string): unknown }
type Rule = { record?: string; alert?: string; annotations?: Record<string, string> }
type Alert = { alertname: string; exp_alerts: unknown[] }
type Case = { name: string; alert_rule_test: Alert[] }

const read = <T>(file: string): T => parse(readFileSync(file, 'utf8')) as T
const rules = globSync(join(shipped, 'rules/*.yml')).flatMap((file) =>
  read<{ groups: { rules: Rule[] }[] }>(file).groups.flatMap((group) => group.rules),
)
const tests = globSync(join(shipped, 'tests/*.yml'))

async function promtool(t: Test, ...args: string[]): Promise<void> {
  const { exitCode, all } = await execa('promtool', args, { all: true, reject: false })
  t.equal(exitCode, 0, `promtool ${args.slice(0, 2).join(' ')}: ${all}`)
}

t.test(
  'promtool: the rules, the configurations and the tests of the rules',
  { skip: noPrometheus },
  async (t) => {
    const dir = scratch(t)
    cpSync(shipped, dir, { recursive: true })
    writeFileSync(join(dir, 'squadd.token'), 'a token')
    await promtool(t, 'check', 'rules', ...globSync(join(dir, 'rules/*.yml')))
    for (const name of ['prometheus.yml', 'prometheus-token.yml'])
      await promtool(t, 'check', 'config', join(dir, name))
    for (const file of tests) await promtool(t, 'test', 'rules', file)
  },
)

t.test('each alert says what is wrong, what that means and what to do', (t) => {
  for (const { alert, annotations } of rules) {
    if (alert === undefined) continue
    t.match(alert, /^Squadd[A-Z]\w+$/)
    for (const name of ['summary', 'description', 'runbook'])
      t.ok(annotations?.[name], `${alert} has a ${name}`)
  }
  t.end()
})

t.test('recorded series are named level:metric:operations', (t) => {
  for (const { record } of rules)
    if (record !== undefined) t.match(record, /^instance(_[a-z]+)?:squadd_[a-z_]+:[a-z0-9_]+$/)
  t.end()
})

t.test(
  'each alert has a test in which it fires and is over, and one in which it stays silent',
  (t) => {
    const cases = tests.flatMap((file) => read<{ tests: Case[] }>(file).tests)
    for (const { alert } of rules) {
      if (alert === undefined) continue
      const courses = cases
        .map((one) => one.alert_rule_test.filter(({ alertname }) => alertname === alert))
        .filter((steps) => steps.length > 0)
        .map((steps) => steps.map((step) => (step.exp_alerts.length > 0 ? 'x' : '-')).join(''))
      t.ok(
        courses.some((course) => /^-x+-$/.test(course)),
        `${alert} fires and is over`,
      )
      t.ok(
        courses.some((course) => /^-+$/.test(course)),
        `${alert} stays silent`,
      )
    }
    t.end()
  },
)

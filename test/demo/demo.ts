import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { SquadEvent } from '../../src/supervisor/domain/event.ts'
import { Squadd } from '../support/squadd.ts'

type Task = {
  id: string
  state: string
  agent: string | null
  outcome: string | null
  prompt: string
}
type Step = { name: string; script: string; options?: string[]; after?: string; fails?: boolean }

/** Each task writes its name when it begins: that shows what ran, and how often. */
const steps: Step[] = [
  { name: 'tidy', script: 'sleep 0.4; echo tidy', options: ['--priority', 'low'] },
  { name: 'lint', script: 'sleep 0.6; echo lint' },
  { name: 'write', script: 'echo hello > hello.txt; git add .; git commit -qm hello; sleep 0.3' },
  { name: 'urgent', script: 'echo urgent', options: ['--priority', 'critical'] },
  { name: 'soon', script: 'sleep 0.2; echo soon', options: ['--priority', 'high'] },
  { name: 'for-ada', script: 'sleep 0.3; pwd', options: ['--affinity', 'ada'] },
  { name: 'only-bob', script: 'pwd', options: ['--affinity', 'bob', '--affinity-required'] },
  { name: 'build', script: 'sleep 1; echo built' },
  { name: 'deploy', script: 'echo deployed', after: 'build' },
  { name: 'broken', script: 'echo oh; exit 3', fails: true },
  { name: 'endless', script: 'sleep 600', options: ['--timeout', '1s'], fails: true },
  { name: 'long', script: 'sleep 2; echo long' },
  { name: 'count', script: 'seq 1 2000' },
  { name: 'last', script: 'sleep 0.5; echo last', options: ['--priority', 'low'] },
]

const asJson = process.argv.includes('--json')
const say = (text: string) => asJson || console.log(text)
const squad = new Squadd()
const journal = join(squad.dir, 'journal')
writeFileSync(journal, '')

/** The task of each attempt that was interrupted for a more urgent one. */
async function preempted(): Promise<string[]> {
  const { stdout } = await squad.run('events', '--json')
  const events = stdout.split('\n').map((line) => JSON.parse(line) as SquadEvent)
  return events.flatMap(({ type, taskId, data }) =>
    type === 'TaskRetried' && data['outcome'] === 'preempted' && taskId ? [taskId] : [],
  )
}

const begins = () => readFileSync(journal, 'utf8').split('\n').filter(Boolean)

try {
  say(`a scratch repository and a home of its own in ${squad.dir}`)
  await squad.json('start')
  for (const name of ['ada', 'bob', 'cid']) {
    await squad.json('agent', 'add', name, '--repo', squad.repo, '--program', 'shell')
    say(`agent ${name} works in its own worktree`)
  }

  const ids = new Map<string, string>()
  for (const { name, script, options = [], after } of steps) {
    const prompt = `echo ${name} >> '${journal}'\n${script}`
    const parent = after ? ['--after', ids.get(after)!] : []
    const task = await squad.json<Task>('task', 'add', prompt, ...options, ...parent)
    ids.set(name, task.id)
  }
  say(`${ids.size} tasks submitted`)

  const half = [...ids.values()].slice(0, 5)
  await squad.run('task', 'wait', ...half, '--timeout', '60s')
  const pid = await squad.pid()
  const done = (await squad.json<Task[]>('task', 'list', '--state', 'completed')).length
  process.kill(pid, 'SIGKILL')
  const killedAt = Date.now()
  await squad.json('start')
  const readyAgainMs = Date.now() - killedAt
  say(`kill -9 of the supervisor after ${done} tasks; ready again after ${readyAgainMs} ms`)

  await squad.run('task', 'wait', ...ids.values(), '--timeout', '120s')
  const tasks = await squad.json<Task[]>('task', 'list', '--limit', '100')
  const began = begins()
  const interrupted = await preempted()
  const named = [...ids].map(([name, id]) => ({
    ...steps.find((step) => step.name === name)!,
    task: tasks.find((task) => task.id === id),
    starts: began.filter((line) => line === name).length,
    // The urgent task may have interrupted a low one: that one runs again.
    due: 1 + interrupted.filter((taskId) => taskId === id).length,
  }))
  for (const { name, task } of named)
    say(`  ${name.padEnd(9)} ${task?.id.padEnd(4)} ${task?.state.padEnd(10)} ${task?.agent ?? '-'}`)

  for (const name of ['ada', 'bob', 'cid']) await squad.json('agent', 'remove', name)
  await squad.json('stop', '--stop-agents')
  const leftovers = squad.leftovers()
  const report = {
    tasks: ids.size,
    completed: named.filter(({ task, fails }) => !fails && task?.state === 'completed').length,
    failedAsExpected: named.filter(({ task, fails }) => fails && task?.state === 'failed').length,
    lost: named.filter(({ task, starts }) => !task || task.state === 'ready' || starts === 0)
      .length,
    duplicated: named.filter(({ starts, due }) => starts > due).length,
    killedAt,
    readyAgainMs,
    leftovers,
  }
  if (asJson) console.log(JSON.stringify(report))
  else
    say(
      `${report.completed} completed, ${report.failedAsExpected} failed as expected, ` +
        `${report.lost} lost, ${report.duplicated} run twice, ${leftovers.length} left over`,
    )
  const right = report.completed + report.failedAsExpected === report.tasks
  process.exitCode = right && report.duplicated + leftovers.length === 0 ? 0 : 1
} finally {
  await squad.remove()
}

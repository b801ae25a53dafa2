import { text } from 'node:stream/consumers'
import type { Command } from 'commander'
import { Option } from 'commander'
import type { Task, TaskState } from '../../src/supervisor/domain/task.ts'
import { priorities, taskStates } from '../../src/supervisor/domain/task.ts'
import { cut, oneLine } from '../../src/supervisor/domain/text.ts'
import { formatDuration } from '../../src/supervisor/domain/time.ts'
import { amount, duration, each, time, whole } from '../arguments.ts'
import { fields, json, line, plain, raw, stream, table } from '../print.ts'
import type { Session } from '../session.ts'
import { act } from '../session.ts'
import type { AddOptions } from './task-add.ts'

type List = { state?: TaskState; agent?: string; limit?: number; before?: string }

/** Everything below `squadd task`. */
export function addTaskCommands(program: Command): void {
  const task = program.command('task').description('the tasks of the squad')

  task
    .command('add')
    .description('queue a task and print its id; it is on disk when this returns')
    .argument('[prompt]', 'what the agent is to do; - reads it from stdin')
    .option('--file <file>', 'read the prompt from a file')
    .option('--batch <file.ndjson>', 'a task a line, all or none; - reads stdin')
    .addOption(new Option('--priority <priority>', 'default: normal').choices(priorities))
    .option('--affinity <agent>', 'an agent that should take it; may be repeated', each)
    .option('--affinity-required', 'only those agents')
    .option('--require <label>', 'a label the agent must have; may be repeated', each)
    .option('--timeout <duration>', 'limit of one attempt; 0s = none', duration)
    .option('--deadline <time>', 'wanted start, as 2026-11-22T10:00Z or +30m', time)
    .option('--not-before <time>', 'do not start before', time)
    .option('--after <task>', 'a task that must complete first; may be repeated', each)
    .addOption(
      new Option('--on-parent-failure <what>', 'when such a task fails').choices([
        'cancel',
        'hold',
        'run',
      ]),
    )
    .option('--retries <n>', 'further attempts after a failure that may pass', whole(0))
    .addOption(
      new Option('--on-unknown <what>', 'when nobody can say how it ended').choices([
        'hold',
        'retry',
      ]),
    )
    .option('--verify <command...>', 'run in the worktree; exit 0 = it succeeded')
    .option('--max-cost <usd>', 'ask a person before all attempts cost more', amount)
    .option('--max-wall <duration>', 'ask a person before all attempts take longer', duration)
    .option('--max-attempts <n>', 'ask a person before more attempts', whole(1))
    .addOption(
      new Option('--on-stall <what>', 'without output and CPU').choices(['report', 'stop']),
    )
    .option('--preemptible', 'a critical task may interrupt it')
    .option('--key <key>', 'the same key answers with the first task again')
    .option('--wait', 'wait until it has ended; exit 8 when it did not succeed')
    .action(
      act<[string | undefined], AddOptions>(async (session, [prompt], options) => {
        const { addTasks } = await import('./task-add.ts')
        await addTasks(session, prompt, options)
      }),
    )

  task
    .command('list')
    .description('tasks, newest first')
    .addOption(new Option('--state <state>').choices(taskStates))
    .option('--agent <name>', 'that this agent has or had')
    .option('--limit <n>', 'at most this many; default 100', whole(1))
    .option('--before <task>', 'only older ones')
    .action(
      act<[], List>(async (session, _, filter) => {
        const client = await session.client()
        const tasks = await client.call('tasks.list', filter)
        if (session.json) json(tasks)
        else table(['id', 'state', 'priority', 'agent', 'age', 'prompt'], tasks.map(row))
      }),
    )

  task
    .command('show')
    .description('one task, with its result')
    .argument('<task>')
    .action(
      act<[string]>(async (session, [id]) => {
        const client = await session.client()
        const found = await client.call('tasks.show', { id })
        if (session.json) json(found)
        else show(found)
      }),
    )

  task
    .command('wait')
    .description('wait until tasks have ended; exit 8 when one did not succeed')
    .argument('<task...>')
    .option('--timeout <duration>', 'exit 7 after this', duration)
    .action(
      act<[string[]], { timeout?: number }>(async (session, [ids], { timeout }) => {
        const { waitForTasks } = await import('./task-wait.ts')
        await waitForTasks(session, ids, timeout)
      }),
    )

  const moves = {
    cancel: 'cancel a task; a running one is interrupted',
    retry: 'begin a failed or cancelled task again',
    release: 'let a held task go on',
  } as const
  for (const move of ['cancel', 'retry', 'release'] as const)
    task
      .command(move)
      .description(moves[move])
      .argument('<task>')
      .action(
        act<[string]>(async (session, [id]) => {
          const client = await session.client()
          tell(session, await client.call(`tasks.${move}`, { id }))
        }),
      )

  task
    .command('own')
    .description('in the program of an agent: the task that it works on')
    .action(
      act(async (session) => {
        const client = await session.client()
        const found = await client.call('own.show', {})
        if (session.json) json(found)
        else show(found)
      }),
    )

  task
    .command('report')
    .description('in the program of an agent: say how far its task is, as an event for everyone')
    .argument('<text>')
    .action(
      act<[string]>(async (session, [said]) => {
        const client = await session.client()
        const { taskId } = await client.call('own.report', { text: said })
        if (session.json) json({ id: taskId, reported: true })
        else line(`${taskId} reported`)
      }),
    )

  task
    .command('output')
    .description('the output of its newest attempt')
    .argument('<task>')
    .option('--raw', 'with every control character; not for a terminal')
    .action(
      act<[string], { raw?: true }>(async (session, [id], options) => {
        const client = await session.client()
        if (options.raw) {
          const { refuseTerminal } = await import('./raw.ts')
          refuseTerminal()
          return raw(client.bytes('tasks.output', { id }))
        }
        if (!session.json) return stream(client.bytes('tasks.output', { id }))
        json({ id, output: await text(client.bytes('tasks.output', { id })) })
      }),
    )

  task
    .command('diff')
    .description('what it changed, as a diff')
    .argument('<task>')
    .option('--raw', 'with every control character; not for a terminal')
    .action(
      act<[string], { raw?: true }>(async (session, [id], options) => {
        const { refuseTerminal } = await import('./raw.ts')
        if (options.raw) refuseTerminal()
        const client = await session.client()
        const diff = await client.call('tasks.diff', { id })
        if (session.json) json({ id, diff })
        else if (options.raw) process.stdout.write(diff)
        else plain(diff)
      }),
    )
}

const row = (task: Task): string[] => [
  task.id,
  task.state,
  task.priority,
  task.agent ?? '-',
  formatDuration(Date.now() - task.createdAt),
  cut(oneLine(task.prompt.trim().split('\n')[0] ?? ''), 80),
]

function tell(session: Session, task: Task): void {
  if (session.json) json(task)
  else line(`${task.id} ${task.state}${task.reason ? `: ${task.reason}` : ''}`)
}

const at = (ms: number | null): string => (ms === null ? '' : new Date(ms).toISOString())

function show({ result, prompt, ...task }: Task): void {
  fields({
    id: task.id,
    state: task.state,
    reason: task.reason,
    priority: task.priority,
    agent: task.agent,
    attempt: task.attempt,
    outcome: task.outcome,
    cause: task.cause,
    created: at(task.createdAt),
    started: at(task.startedAt),
    ended: at(task.endedAt),
    took: result ? formatDuration(result.durationMs) : '',
    error: result?.error,
    commit: result?.git?.commit,
    changed: result?.git ? `${result.git.filesChanged} files` : '',
    evidence: result?.evidence
      .map((one) => `${at(one.at)} ${one.source}: ${one.detail}`)
      .join('\n'),
    prompt: prompt.trim(),
    output: result?.output.trim(),
  })
}

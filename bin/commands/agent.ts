import { resolve } from 'node:path'
import type { Command } from 'commander'
import { Option } from 'commander'
import type { AgentView, ProgramName } from '../../src/supervisor/domain/agent.ts'
import { programNames } from '../../src/supervisor/domain/agent.ts'
import { each, variables, whole } from '../arguments.ts'
import { fields, json, line, note, plain, table } from '../print.ts'
import type { Session } from '../session.ts'
import { act } from '../session.ts'

type Add = {
  repo: string
  program?: ProgramName
  mode?: 'interactive' | 'headless'
  label?: string[]
  branch?: string
  base?: string
  permission?: 'ask' | 'auto'
  trust?: true
  env?: string[]
}

/** Everything below `squadd agent`. */
export function addAgentCommands(program: Command): void {
  const agent = program.command('agent').description('the agents of the squad')

  agent
    .command('add')
    .description('add an agent: a program in its own tmux session, worktree and branch')
    .argument('<name>', 'its name')
    .argument('[argv...]', 'after --: the command and its arguments, for --program command')
    .requiredOption('--repo <path>', 'its git repository')
    .addOption(new Option('--program <program>', 'default: shell').choices(programNames))
    .addOption(new Option('--mode <mode>').choices(['interactive', 'headless']))
    .option('--label <label>', 'a label that tasks may require; may be repeated', each)
    .option('--branch <branch>', 'its branch; default squadd/NAME')
    .option('--base <ref>', 'where the branch begins; default HEAD')
    .addOption(new Option('--permission <who>', 'who is asked').choices(['ask', 'auto']))
    .option('--trust', 'let what the repository configures for the program run')
    .option('--env <key[=value]>', 'a variable for the program; KEY alone takes it from here', each)
    .action(
      act<[string, string[]], Add>(async (session, [id, argv], { repo, label, env, ...rest }) => {
        const input = {
          id,
          repo: resolve(repo),
          ...rest,
          ...(label ? { labels: label } : {}),
          ...(env ? { env: variables(env, process.env) } : {}),
          ...(argv.length > 0 ? { argv } : {}),
        }
        const client = await session.client()
        const { askTrust } = await import('./trust.ts')
        const trust = input.trust ?? (await askTrust(input.repo, input.program ?? 'shell'))
        tell(session, await client.call('agents.add', { ...input, ...(trust ? { trust } : {}) }))
      }),
    )

  agent
    .command('list')
    .description('all agents')
    .option('--limit <n>', 'at most this many', whole(1))
    .action(
      act<[], { limit?: number }>(async (session, _, options) => {
        const client = await session.client()
        const agents = await client.call('agents.list', options)
        if (session.json) json(agents)
        else table(columns, agents.map(row))
      }),
    )

  agent
    .command('show')
    .description('one agent, with the evidence for its state')
    .argument('<name>')
    .action(
      act<[string]>(async (session, [id]) => {
        const client = await session.client()
        const view = await client.call('agents.show', { id })
        if (session.json) json(view)
        else {
          show(view)
          const { configurationOf } =
            await import('../../src/supervisor/operations/project-configuration.ts')
          const { listed } = await import('./trust.ts')
          const lines = listed(configurationOf(view.worktree, view.program))
          if (lines.length > 0) line('configured by the repository (runs only with --trust):')
          for (const one of lines) line(one)
        }
      }),
    )

  agent
    .command('pause')
    .description('take no more tasks; the running one may end')
    .argument('<name>')
    .option('--now', 'interrupt the running task')
    .option('--release', 'also commit work in progress, end the session and free the worktree')
    .action(
      act<[string], { now?: true; release?: true }>(async (session, [id], how) => {
        const client = await session.client()
        tell(session, await client.call('agents.pause', { id, ...how }))
      }),
    )

  const moves = {
    resume: 'a paused agent takes tasks again',
    stop: 'end the program, the session and the host; the worktree stays',
    reset: 'the way out of failed: forget failures and start again',
  } as const
  for (const move of ['resume', 'stop', 'reset'] as const)
    agent
      .command(move)
      .description(moves[move])
      .argument('<name>')
      .action(
        act<[string]>(async (session, [id]) => {
          const client = await session.client()
          tell(session, await client.call(`agents.${move}`, { id }))
        }),
      )

  agent
    .command('restart')
    .description('stop and start the agent; its program goes on with the conversation')
    .argument('<name>')
    .option('--fresh', 'begin a new conversation')
    .action(
      act<[string], { fresh?: true }>(async (session, [id], how) => {
        const client = await session.client()
        tell(session, await client.call('agents.restart', { id, ...how }))
      }),
    )

  agent
    .command('remove')
    .description('remove an agent; work that is nowhere else is kept under refs/squadd/rescue')
    .argument('<name>')
    .option('--keep-branch', 'leave its branch')
    .action(
      act<[string], { keepBranch?: true }>(async (session, [id], how) => {
        const client = await session.client()
        const { rescueRef } = await client.call('agents.remove', { id, ...how })
        if (session.json) return json({ id, removed: true, rescueRef })
        line(`${id} removed`)
        if (rescueRef) note(`unsaved work is kept: ${rescueRef}`)
      }),
    )

  agent
    .command('attach')
    .description("look at the agent's terminal; leave it with Ctrl-b d")
    .argument('<name>')
    .option('--write', 'type as well')
    .action(
      act<[string], { write?: true }>(async (session, [id], { write = false }) => {
        const { attach } = await import('./attach.ts')
        await attach(await session.client(), id, write)
      }),
    )

  agent
    .command('answer')
    .description('answer what its program asks')
    .argument('<name>')
    .argument('<choice>', 'yes, no, or the number of a choice')
    .action(
      act<[string, string]>(async (session, [id, choice]) => {
        const client = await session.client()
        tell(session, await client.call('agents.answer', { id, choice }))
      }),
    )

  agent
    .command('send')
    .description('type a text into its program, as a person would')
    .argument('<name>')
    .argument('<text>')
    .action(
      act<[string, string]>(async (session, [id, text]) => {
        const client = await session.client()
        tell(session, await client.call('agents.send', { id, text }))
      }),
    )

  for (const part of ['screen', 'diff'] as const)
    agent
      .command(part)
      .description(part === 'screen' ? 'the text on its screen' : 'what it changed, as a diff')
      .argument('<name>')
      .option('--raw', 'with every control character; not for a terminal')
      .action(
        act<[string], { raw?: true }>(async (session, [id], { raw }) => {
          const { refuseTerminal } = await import('./raw.ts')
          if (raw) refuseTerminal()
          const client = await session.client()
          const text = await client.call(`agents.${part}`, { id })
          if (session.json) json({ id, [part]: text })
          else if (raw) process.stdout.write(text)
          else plain(text)
        }),
      )
}

const columns = ['id', 'state', 'program', 'task', 'load', 'done', 'failed', 'labels', 'reason']

const row = (view: AgentView): string[] => [
  view.id,
  view.state,
  view.program,
  view.currentTask ?? '-',
  view.loadScore.toFixed(2),
  String(view.tasksCompleted),
  String(view.tasksFailed),
  view.labels.join(',') || '-',
  view.reason ?? '',
]

/** The agent as it is now. */
function tell(session: Session, view: AgentView): void {
  if (session.json) json(view)
  else line(`${view.id} ${view.state}${view.reason ? `: ${view.reason}` : ''}`)
}

function show({ evidence, labels, loadScore, memoryBytes, cpuPercent, ...view }: AgentView): void {
  const { createdAt, updatedAt, ...rest } = view
  fields({
    ...rest,
    labels: labels.join(', '),
    load: loadScore.toFixed(2),
    cpu: `${cpuPercent.toFixed(1)} %`,
    memory: `${Math.round(memoryBytes / 1_048_576)} MiB`,
    created: new Date(createdAt).toISOString(),
    updated: new Date(updatedAt).toISOString(),
    evidence: evidence.map(evidenceLine).join('\n'),
  })
}

const evidenceLine = ({ source, at, detail }: AgentView['evidence'][number]): string =>
  `${new Date(at).toISOString()} ${source}: ${detail}`

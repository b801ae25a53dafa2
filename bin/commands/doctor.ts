import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Command } from 'commander'
import { Option } from 'commander'
import type { ProgramName } from '../../src/supervisor/domain/agent.ts'
import { programNames } from '../../src/supervisor/domain/agent.ts'
import { SquadError } from '../../src/supervisor/domain/error.ts'
import type { Evidence, TaskResult } from '../../src/supervisor/domain/task.ts'
import { each, duration, variables } from '../arguments.ts'
import { json, line, note, table } from '../print.ts'
import { act } from '../session.ts'

type Options = {
  program: ProgramName
  mode?: 'interactive' | 'headless'
  env?: string[]
  timeout?: number
}

// Any program may be run by the other two: there is nothing to find out.
const agentPrograms = programNames.filter((name) => name !== 'shell' && name !== 'command')

const canary = 'Answer with one word and do nothing else: ready'
const defaultTimeoutMs = 60_000

/** doctor --program: what an installed agent program tells, found out with one short turn. */
export function addDoctorCommand(program: Command): void {
  program
    .command('doctor')
    .description('try an agent program with one short turn and say which of its signals come')
    .addOption(new Option('--program <program>').choices(agentPrograms).makeOptionMandatory())
    .addOption(new Option('--mode <mode>').choices(['interactive', 'headless']))
    .option('--env <key[=value]>', 'a variable for the program; KEY alone takes it from here', each)
    .option('--timeout <duration>', 'limit of the turn; default 60s', duration)
    .action(
      act<[], Options>(async (session, _, options) => {
        const result = await tryProgram(options)
        const signals = signalsOf(result)
        const ok = result.success && signals.every(({ seen }) => seen)
        const { evidence, error } = result
        const { program: name } = options
        if (session.json)
          json({ program: name, ok, success: result.success, error, signals, evidence })
        else tell(name, result, signals)
        if (!result.success)
          throw new SquadError('SQUADD_TASK_UNSUCCESSFUL', `${name} did not do the turn: ${error}`)
      }),
    )
}

/** One turn in a scratch repository; nothing of it is left. */
async function tryProgram({ program, mode, env, timeout }: Options): Promise<TaskResult> {
  const { Instance } = await import('../../src/index.ts')
  const { execa } = await import('execa')
  const dir = mkdtempSync(join(tmpdir(), 'squadd-doctor-'))
  try {
    const who = ['-c', 'user.name=squadd', '-c', 'user.email=squadd@localhost']
    await execa('git', ['init', '-q', dir])
    await execa('git', ['-C', dir, ...who, 'commit', '-q', '--allow-empty', '-m', 'scratch'])
    const instance = await Instance.start({
      ...{ title: 'doctor', path: dir, program },
      ...(mode ? { mode } : {}),
      ...(env ? { env: variables(env, process.env) } : {}),
    })
    try {
      return await instance.sendPrompt(canary, { timeoutMs: timeout ?? defaultTimeoutMs })
    } finally {
      await instance.kill()
    }
  } finally {
    rmSync(dir, { recursive: true, force: true })
  }
}

type Signal = { name: string; seen: boolean; without: string }

/** What squadd builds on, and what it does without it. */
function signalsOf({ evidence, usage, success, output }: TaskResult): Signal[] {
  const from = (...sources: string[]) => evidence.some(({ source }) => sources.includes(source))
  return [
    {
      name: 'it says that it has the prompt, or that it has ended',
      seen: from('hook', 'record', 'exit', 'result'),
      without: 'its tasks are held: nobody can tell whether they ran',
    },
    {
      name: 'a second source confirms the end',
      seen: success && from('status', 'record', 'title', 'result', 'exit'),
      without: 'its tasks are held at their end, for a person to judge',
    },
    {
      name: 'its answer can be read',
      seen: output.trim() !== '',
      without: 'results have no output',
    },
    {
      name: 'it counts its tokens',
      seen: usage !== null,
      without: 'usage and caps on cost are not known',
    },
  ]
}

function tell(program: ProgramName, { success, evidence }: TaskResult, signals: Signal[]): void {
  line(`${program}: ${success ? 'it did one short turn' : 'it did not do the turn'}`)
  table(
    ['signal', 'seen', 'without it'],
    signals.map(({ name, seen, without }) => [name, seen ? 'yes' : 'NO', seen ? '' : without]),
  )
  for (const one of evidence) note(evidenceLine(one))
}

const evidenceLine = ({ source, at, detail }: Evidence): string =>
  `  ${new Date(at).toISOString()} ${source}: ${detail}`

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ProgramName } from '../../src/supervisor/domain/agent.ts'
import { SquadError } from '../../src/supervisor/domain/error.ts'
import type { Evidence, TaskResult } from '../../src/supervisor/domain/task.ts'
import { variables } from '../arguments.ts'
import { json, line, note, table } from '../print.ts'
import type { Session } from '../session.ts'

export type TryOptions = {
  program: ProgramName
  mode?: 'interactive' | 'headless'
  env?: string[]
  timeout?: number
}

const canary = 'Answer with one word and do nothing else: ready'
const defaultTimeoutMs = 60_000

/** doctor --program: what an installed agent program tells, found out with one short turn. */
export async function tryProgram(session: Session, options: TryOptions): Promise<void> {
  const { program } = options
  const result = await oneTurn(options)
  const signals = signalsOf(result)
  const ok = result.success && signals.every(({ seen }) => seen)
  const { success, evidence, error } = result
  if (session.json) json({ program, ok, success, error, signals, evidence })
  else tell(program, result, signals)
  if (!success)
    throw new SquadError('SQUADD_TASK_UNSUCCESSFUL', `${program} did not do the turn: ${error}`)
}

/** One turn in a scratch repository; nothing of it is left. */
async function oneTurn({ program, mode, env, timeout }: TryOptions): Promise<TaskResult> {
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

import type { AgentSpec, ProgramName } from '../../supervisor/domain/agent.ts'
import type { AttemptOrder } from '../../supervisor/domain/message.ts'
import type { Cause } from '../../supervisor/domain/task.ts'

/** What to run: `stdin` is the path of a file, null is /dev/null. */
export type Launch = { argv: readonly string[]; stdin: string | null }

/** How a program ended. `verify` is the status of the task's own check, null when none ran. */
export type Ending = { status: number; verify: number | null }

export type Judgement = {
  outcome: 'succeeded' | 'failed'
  cause: Cause | null
  /** One line for people. */
  reason: string
}

/** One kind of agent: how it is started and what its end means. */
export interface Program {
  readonly name: ProgramName
  /**
   * `promptFile` holds the prompt and nothing else. Throws SQUADD_INVALID, with the way out, when
   * this order cannot be started.
   */
  launch(spec: AgentSpec, order: AttemptOrder, promptFile: string): Launch
  judge(ending: Ending, verify: readonly string[] | null): Judgement
}

/** The meaning of an exit status as sh reports it, and of the check after it. */
export function judgeExit(ending: Ending, verify: readonly string[] | null): Judgement {
  const { status } = ending
  if (status === 126) return failed('spawn_failed', 'exit status 126: the program cannot run')
  if (status === 127) return failed('spawn_failed', 'exit status 127: the program was not found')
  if (status > 128)
    return failed('crashed', `exit status ${status} (signal ${status - 128}, not certain)`)
  if (status !== 0) return failed('agent_error', `exit status ${status}`)
  if (ending.verify !== null && ending.verify !== 0)
    return failed('agent_error', `verify ${inLine(verify ?? [])} exit ${ending.verify}`)
  return { outcome: 'succeeded', cause: null, reason: 'exit status 0' }
}

const failed = (cause: Cause, reason: string): Judgement => ({ outcome: 'failed', cause, reason })

function inLine(argv: readonly string[]): string {
  const line = argv.join(' ').replaceAll(/\s+/g, ' ')
  return line.length > 80 ? `${line.slice(0, 79)}…` : line
}

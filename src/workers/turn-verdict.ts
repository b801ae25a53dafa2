import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { AttemptOrder, HostSetup, Verdict } from '../supervisor/domain/message.ts'
import type { Evidence, StopReason } from '../supervisor/domain/task.ts'
import { oneLine } from './attempt-evidence.ts'
import type { GitEvidence } from './git-evidence.ts'
import type { Facts } from './outbox.ts'
import type { Judgement } from './programs/program.ts'
import { verified } from './programs/program.ts'
import type { Turn, TurnEnd } from './programs/turn.ts'
import type { TurnNote } from './turn-note.ts'
import type { Ended } from './verdict.ts'
import { verdictOf } from './verdict.ts'

/** A turn that ended by itself, and what the task's own check said. */
export type TurnedEnd = { kind: 'turned'; end: TurnEnd; verify: number | null }

export type TurnScene = {
  order: AttemptOrder
  ended: Exclude<Ended, { kind: 'turned' }> | TurnedEnd
  stop: StopReason | null
  setup: HostSetup
  git: GitEvidence
  turn: Turn | null
  note: TurnNote | null
}

/** The verdict on a turn: the program's own result, the task's check, and the change in git. */
export async function turnVerdict(scene: TurnScene): Promise<Verdict> {
  const { order, ended, stop, setup, git, turn, note } = scene
  const evidence: Evidence[] = [...(turn?.evidence ?? [])]
  const isTyped = note !== null && note.phase !== 'waiting' && ended.kind !== 'not-started'
  const change =
    isTyped && note.base
      ? await git.since(note.base).catch((error: unknown) => {
          evidence.push({ source: 'git', at: Date.now(), detail: oneLine(error) })
          return null
        })
      : null
  const text = turn?.end?.text ?? ''
  if (isTyped) keepOutput(setup, order.key, text)
  return verdictOf({
    ...{ order, stop, report: null, git: change, evidence, now: Date.now() },
    ended: toEnded(ended, order.verify),
    said: turn && { result: null, text, usage: turn.usage, conversation: null, notes: [] },
    facts: factsOf(note, isTyped),
    output: Buffer.from(text).subarray(-setup.outputTailBytes).toString(),
  })
}

function toEnded(ended: TurnScene['ended'], argv: readonly string[] | null): Ended {
  if (ended.kind !== 'turned') return ended
  const { verify } = ended
  return { kind: 'turned', verify, judgement: verified(judgementOf(ended.end), verify, argv) }
}

function judgementOf({ kind, cause, reason, retryAt = null }: TurnEnd): Judgement {
  switch (kind) {
    case 'completed':
      return { outcome: 'succeeded', cause: null, reason }
    case 'failed':
      return { outcome: 'failed', cause: cause ?? 'agent_error', reason, retryAt }
    // Who broke it off at the keyboard knows what is to become of it: it is held.
    case 'interrupted':
    case 'unproved':
      return { outcome: 'unknown', cause: null, reason }
  }
}

const factsOf = (note: TurnNote | null, isTyped: boolean): Facts => ({
  started: isTyped ? { by: 'launcher', process: null } : null,
  startedAt: isTyped ? (note?.at ?? null) : null,
  exit: null,
  endedAt: null,
  hasSlot: false,
})

/** The answer is the output: a program in its terminal has no other that a person could read. */
function keepOutput({ logs, outputLimitBytes }: HostSetup, key: string, text: string): void {
  const bytes = Buffer.from(text === '' || text.endsWith('\n') ? text : `${text}\n`)
  writeFileSync(join(logs, `${key}.log.0`), bytes.subarray(-outputLimitBytes), { mode: 0o600 })
}

import { SquadError } from '../supervisor/domain/error.ts'
import type { AttemptOrder, Verdict } from '../supervisor/domain/message.ts'
import type { Cause, Evidence, GitChange, Outcome, StopReason } from '../supervisor/domain/task.ts'
import type { Facts } from './outbox.ts'
import type { ProgramReport } from './program-report.ts'
import { heedReport } from './program-report.ts'
import { judge } from './programs/program.ts'
import type { Ending, Judgement, Said } from './programs/program.ts'

/** How an attempt came to its end, as far as it can be proved. */
export type Ended =
  | ({ kind: 'exited' } & Ending)
  /** A turn in a program that goes on. */
  | { kind: 'turned'; judgement: Judgement; verify: number | null }
  | { kind: 'worktree-missing' }
  /** The order cannot be made into a launch. */
  | { kind: 'refused'; reason: string }
  /** The latch proves that the program never ran. */
  | { kind: 'not-started'; reason: string }
  /** It ran, and nobody is left who could tell how it ended. */
  | { kind: 'lost'; reason: string }

export type Findings = {
  order: AttemptOrder
  ended: Ended
  /** What it said on its output, where that is a record of what it did. */
  said: Said | null
  /** A stop that began before the end did. */
  stop: StopReason | null
  facts: Facts
  output: string
  report: ProgramReport | null
  git: GitChange | null
  evidence: Evidence[]
  now: number
}

type Ruling = { outcome: Outcome; cause: Cause | null; reason: string; retryAt?: number | null }

/** The verdict on an attempt: everything that was found, and what it means. */
export function verdictOf(findings: Findings): Verdict {
  const { order, facts, output, git, now, report } = findings
  const ruling = ruleOn(findings)
  const success = ruling.outcome === 'succeeded'
  const endedAt = Math.round(facts.endedAt ?? now)
  const startedAt = hasRun(facts) ? Math.min(Math.round(facts.startedAt ?? now), endedAt) : null
  return {
    key: order.key,
    ...ruling,
    startedAt,
    endedAt,
    retryAt: report?.retryAt ?? ruling.retryAt ?? null,
    result: {
      success,
      output,
      error: success ? null : withLastLine(ruling.reason, output),
      durationMs: startedAt === null ? 0 : endedAt - startedAt,
      completedAt: endedAt,
      evidence: [...evidenceOf(findings, endedAt), ...findings.evidence],
      usage: report?.usage ?? findings.said?.usage ?? null,
      git,
    },
  }
}

/** The order asks for what cannot be: no later try can do better. */
export const isInvalid = (error: unknown): boolean =>
  error instanceof SquadError && error.code === 'SQUADD_INVALID'

export const hasRun = ({ started, exit }: Facts): boolean =>
  started?.by === 'launcher' || (exit !== null && 'status' in exit)

function ruleOn(findings: Findings): Ruling {
  const { stop } = findings
  const ruling = ruleOnEnd(findings)
  if (stop === null) return ruling
  return { ...stops[stop].ruling, reason: `${stops[stop].words} (${ruling.reason})` }
}

const stops = {
  cancelled: { ruling: { outcome: 'cancelled', cause: null }, words: 'cancelled' },
  timed_out: {
    ruling: { outcome: 'timed_out', cause: 'timed_out' },
    words: 'the time limit was reached',
  },
  preempted: { ruling: { outcome: 'preempted', cause: null }, words: 'preempted' },
  stalled: {
    ruling: { outcome: 'failed', cause: 'stalled' },
    words: 'it had neither output nor CPU for too long',
  },
  unanswered: {
    ruling: { outcome: 'failed', cause: 'stalled' },
    words: 'nobody answered what it asked',
  },
} as const satisfies Record<StopReason, { ruling: Omit<Ruling, 'reason'>; words: string }>

function ruleOnEnd({ ended, order, report, said }: Findings): Ruling {
  switch (ended.kind) {
    case 'exited':
      return heedReport(judge(ended, order.verify, said), report)
    case 'turned':
      return heedReport(ended.judgement, report)
    case 'worktree-missing':
      return { outcome: 'failed', cause: 'worktree_missing', reason: 'the worktree is gone' }
    case 'refused':
      return { outcome: 'failed', cause: 'bad_config', reason: ended.reason }
    case 'not-started':
      return { outcome: 'not_started', cause: null, reason: ended.reason }
    case 'lost':
      return { outcome: 'unknown', cause: null, reason: ended.reason }
  }
}

function evidenceOf({ ended, stop, said }: Findings, at: number): Evidence[] {
  const found: Evidence[] = []
  if (ended.kind === 'exited')
    found.push({ source: 'exit', at, detail: `exit status ${ended.status}` })
  if (ended.kind === 'exited' || ended.kind === 'turned') {
    if (ended.verify !== null)
      found.push({ source: 'verify', at, detail: `exit status ${ended.verify}` })
    if (said?.result) found.push({ source: 'result', at, detail: said.result.reason })
    for (const note of said?.notes ?? []) found.push({ source: 'output', at, detail: note })
  } else if (ended.kind === 'worktree-missing') {
    found.push({ source: 'launcher', at, detail: 'the worktree is gone' })
  } else {
    found.push({ source: 'host', at, detail: ended.reason })
  }
  if (stop) found.push({ source: 'stop', at, detail: `it was stopped: ${stops[stop].words}` })
  return found
}

function withLastLine(reason: string, output: string): string {
  const line = output.trimEnd().split('\n').at(-1)?.trim().slice(0, 200)
  return line ? `${reason}: ${line}` : reason
}

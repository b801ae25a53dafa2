import { messageOf } from '../supervisor/domain/error.ts'
import type { HostSetup, Verdict } from '../supervisor/domain/message.ts'
import type { Evidence, GitChange, Usage } from '../supervisor/domain/task.ts'
import { failingAsync } from '../supervisor/failpoint/failpoint.ts'
import type { GitEvidence } from './git-evidence.ts'
import type { LaunchMemo } from './launch-files.ts'
import { readReport, readStream } from './launch-files.ts'
import { awaitTail, readTail } from './output-tail.ts'
import type { OutputTail, TailOptions } from './output-tail.ts'
import { parseReport } from './program-report.ts'
import type { Program, Said } from './programs/program.ts'
import { hasRun, verdictOf } from './verdict.ts'
import type { Findings } from './verdict.ts'

export type Scene = Pick<Findings, 'order' | 'ended' | 'stop' | 'facts'> & {
  program: Program
  tail: TailOptions
  /** False when the window died before the program: the end mark will never come. */
  hasTerminal: boolean
  git: GitEvidence
  memo: LaunchMemo | null
  /** The agent's folder. */
  dir: string
}

/**
 * The verdict on an ended attempt, with what it left: its output and the change in git; and what the
 * program said, where that is a record of what it did.
 */
export async function examine(scene: Scene): Promise<{ verdict: Verdict; said: Said | null }> {
  const evidence: Evidence[] = []
  const note = (source: string) => (problem: unknown) => {
    evidence.push({ source, at: Date.now(), detail: oneLine(problem) })
    return null
  }
  const [output, git] = hasRun(scene.facts)
    ? await Promise.all([
        readOutput(scene).catch(note('output')),
        readChange(scene).catch(note('git')),
      ])
    : [null, null]
  const { dir, order, program, facts } = scene
  const reported = hasRun(facts) ? parseReport(readReport(dir, order.key)) : null
  if (typeof reported === 'string') note('report')(reported)
  const report = typeof reported === 'string' ? null : reported
  const said = hasRun(facts) ? read(scene, output?.text ?? '') : null
  if (output && !output.end) note('output')('its end mark did not come: the last may be missing')
  const text = said?.text || output?.text || ''
  const ofTask = said && program.sumsUsage ? { ...said, usage: usageSince(scene, said) } : said
  const findings = { ...scene, output: text, said: ofTask, report, git, evidence, now: Date.now() }
  return { verdict: verdictOf(findings), said }
}

function read({ dir, order, program, facts }: Scene, printed: string): Said | null {
  const endedAt = Math.round(facts.endedAt ?? Date.now())
  return program.read?.(readStream(dir, order.key), { printed, endedAt }) ?? null
}

/** What the attempt has added to the usage of its conversation; null when either is not known. */
function usageSince({ memo }: Scene, { usage }: Said): Usage | null {
  const spent = memo?.spent
  if (!usage || !spent) return null
  return {
    inputTokens: Math.max(0, usage.inputTokens - spent.inputTokens),
    outputTokens: Math.max(0, usage.outputTokens - spent.outputTokens),
    costUsd: usage.costUsd === null ? null : Math.max(0, usage.costUsd - (spent.costUsd ?? 0)),
  }
}

async function readOutput({ tail, hasTerminal }: Scene): Promise<OutputTail> {
  return hasTerminal ? awaitTail(tail) : readTail(tail)
}

async function readChange({ git, memo }: Scene): Promise<GitChange> {
  const base = memo?.base
  if (base) return failingAsync('attempt.examine', () => git.since(base))
  throw new Error('the state before the attempt is not known')
}

/** Where and how much of an attempt's output is read. */
export const tailOptions = (
  setup: HostSetup,
  key: string,
  memo: LaunchMemo | null,
): TailOptions => ({
  logs: setup.logs,
  key,
  outputLimitBytes: setup.outputLimitBytes,
  outputTailBytes: setup.outputTailBytes,
  nonce: memo?.nonce ?? '',
})

/** The message of an error, on one line. */
export const oneLine = (error: unknown): string => messageOf(error).replaceAll(/\s+/g, ' ')

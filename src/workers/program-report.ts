import type { Cause, Usage } from '../supervisor/domain/task.ts'
import { causes } from '../supervisor/domain/task.ts'
import type { Judgement } from './programs/program.ts'

/**
 * What a program may say of itself: one JSON object in the file that SQUADD_REPORT names. `cause` or
 * `failed` makes the attempt a failure, whatever the exit status says; a report never makes it a
 * success.
 */
export type ProgramReport = {
  failed: boolean
  cause: Cause | null
  reason: string | null
  /** When the failure may have passed (a quota that resets), ms since 1970. */
  retryAt: number | null
  usage: Usage | null
}

const longestReport = 65_536
const longestReason = 500

/** Reads a report; null for none, a string says what is wrong with it. */
export function parseReport(text: string): ProgramReport | string | null {
  if (text.trim() === '') return null
  if (text.length > longestReport) return `the report is longer than ${longestReport} characters`
  let given: unknown
  try {
    given = JSON.parse(text)
  } catch {
    return 'the report is not JSON'
  }
  if (typeof given !== 'object' || given === null || Array.isArray(given))
    return 'the report is not a JSON object'
  const {
    cause = null,
    reason = null,
    retryAt = null,
    failed = false,
    usage = null,
  } = given as Record<string, unknown>
  if (cause !== null && !causes.includes(cause as Cause))
    return `its cause ${JSON.stringify(cause)} is unknown`
  return {
    failed: failed === true || cause !== null,
    cause: cause as Cause | null,
    reason:
      typeof reason === 'string' ? reason.replaceAll(/\s+/g, ' ').slice(0, longestReason) : null,
    retryAt: isCount(retryAt) ? retryAt : null,
    usage: usageOf(usage),
  }
}

function usageOf(given: unknown): Usage | null {
  if (typeof given !== 'object' || given === null) return null
  const { inputTokens = 0, outputTokens = 0, costUsd = null } = given as Record<string, unknown>
  if (!isCount(inputTokens) || !isCount(outputTokens)) return null
  return { inputTokens, outputTokens, costUsd: isAmount(costUsd) ? costUsd : null }
}

const isAmount = (value: unknown): value is number =>
  typeof value === 'number' && Number.isFinite(value) && value >= 0
const isCount = (value: unknown): value is number => isAmount(value) && Number.isSafeInteger(value)

/** The exit's judgement, corrected by what the program said. */
export function heedReport(judgement: Judgement, report: ProgramReport | null): Judgement {
  if (!report?.failed) return judgement
  const cause = report.cause ?? judgement.cause ?? 'agent_error'
  const said = report.reason ?? `it reported ${cause}`
  return { ...judgement, outcome: 'failed', cause, reason: `${said} (${judgement.reason})` }
}

/** What an attempt left behind. */
export type OutputFacts = { key: string; bytes: number; writtenAt: number }

export type RetentionLimits = {
  /** 0 = for ever. */
  outputRetentionMs: number
  /** 0 = no limit. */
  outputBudgetBytes: number
}

/**
 * Which outputs go: the oldest first, those that are too old and as many as it takes to keep the
 * budget. `hasEnded` is asked of no more than it takes; what belongs to a task that has not ended stays,
 * however old and large it is.
 */
export function outputsToRemove<T extends OutputFacts>(
  outputs: readonly T[],
  limits: RetentionLimits,
  now: number,
  hasEnded: (key: string) => boolean,
): T[] {
  const { outputRetentionMs, outputBudgetBytes } = limits
  const total = outputs.reduce((sum, { bytes }) => sum + bytes, 0)
  let excess = outputBudgetBytes === 0 ? 0 : total - outputBudgetBytes
  const oldest = outputs.toSorted((a, b) => a.writtenAt - b.writtenAt)
  const gone: T[] = []
  for (const one of oldest) {
    const isOld = outputRetentionMs > 0 && now - one.writtenAt > outputRetentionMs
    if (!isOld && excess <= 0) break
    if (!hasEnded(one.key)) continue
    gone.push(one)
    excess -= one.bytes
  }
  return gone
}

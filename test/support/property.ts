import fc from 'fast-check'
import type { Test } from 'tap'
import { safeJson } from '../../src/supervisor/domain/text.ts'

/** Asserts that a property holds; else shows the smallest case in which it does not. */
export function holds<T>(t: Test, property: fc.IProperty<T>, numRuns = 2000): void {
  const found = fc.check(property, { numRuns })
  // The smallest case may hold anything; as it is, a line separator would end tap's report.
  const report = fc
    .defaultReportMessage(found)
    ?.split('\n')
    .map((line) => safeJson(line))
  t.notOk(found.failed, `holds in ${numRuns} cases`, { found: report })
}

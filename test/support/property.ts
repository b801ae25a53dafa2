import fc from 'fast-check'
import type { Test } from 'tap'

/** Asserts that a property holds; else shows the smallest case in which it does not. */
export function holds<T>(t: Test, property: fc.IProperty<T>, numRuns = 2000): void {
  const found = fc.check(property, { numRuns })
  t.notOk(found.failed, fc.defaultReportMessage(found) ?? `holds in ${numRuns} cases`)
}

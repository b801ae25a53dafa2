import type { Definition } from './definitions.ts'

/** A task that an observation is of; `at` is seconds since 1970. */
export type Exemplar = { taskId: string; value: number; at: number }

/** One metric as it is at one instant. */
export type Family = {
  name: string
  type: Definition['type']
  help: string
  /** Of each series the name, its labels and the space before its value. */
  starts: readonly string[]
  /** In the same order. */
  values: readonly number[]
  exemplars?: readonly (Exemplar | undefined)[]
}

/** The beginning of a series' line. */
export function startOf(name: string, labels: Readonly<Record<string, string | number>>): string {
  const pairs = Object.entries(labels).map(([label, value]) => `${label}="${escaped(value)}"`)
  return pairs.length === 0 ? `${name} ` : `${name}{${pairs.join(',')}} `
}

const escaped = (value: string | number): string =>
  String(value).replaceAll('\\', '\\\\').replaceAll('\n', '\\n').replaceAll('"', '\\"')

type Combination = Record<string, string>

/** Every combination of what the labels of a metric may be. */
export function combinations(labels: Readonly<Record<string, readonly string[]>>): Combination[] {
  return Object.entries(labels).reduce<Combination[]>(
    (all, [label, values]) =>
      all.flatMap((before) => values.map((value) => ({ ...before, [label]: value }))),
    [{}],
  )
}

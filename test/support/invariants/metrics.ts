import type { Ledger } from './ledger.ts'

/** The samples of an exposition, by name and labels. */
export function samplesOf(exposition: string): Map<string, number> {
  const lines = exposition.split('\n').filter((line) => line !== '' && !line.startsWith('#'))
  return new Map(
    lines.map((line) => {
      const at = line.lastIndexOf(' ')
      return [line.slice(0, at), Number(line.slice(at + 1))]
    }),
  )
}

/** I9: metrics say what the store says; what counts never goes back while one process counts. */
export function disagreeing(
  now: Map<string, number>,
  before: Map<string, number> | null,
  { tasks }: Ledger,
): string[] {
  const wrong: string[] = []
  for (const [name, value] of now) {
    const state = /^squadd_tasks\{state="(\w+)"\}$/.exec(name)?.[1]
    if (state === undefined) continue
    const rows = tasks.filter((task) => task.state === state).length
    if (rows !== value) wrong.push(`I9: ${name} is ${value}, the store has ${rows}`)
  }
  for (const [name, value] of before ?? [])
    if (/_total(\{|$)|_count(\{|$)|_bucket\{/.test(name) && (now.get(name) ?? value) < value)
      wrong.push(`I9: ${name} went back from ${value} to ${now.get(name)}`)
  return wrong
}

import { invalid } from './error.ts'

/** A label, and a name inside a batch. */
export const labelPattern = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,47}$/
const agentName = /^[A-Za-z0-9][A-Za-z0-9_-]{0,47}$/
const taskId = /^t[1-9][0-9]{0,14}$/

export const isTaskId = (text: string): boolean => taskId.test(text)

export const isAgentName = (name: unknown): name is string =>
  typeof name === 'string' && agentName.test(name)

/** Checks an agent's name. Throws SQUADD_INVALID. */
export function checkAgentName(name: unknown, field = 'name'): string {
  if (isAgentName(name)) return name
  throw invalid(
    field,
    name,
    'is not a name',
    'use 1 to 48 of A-Z a-z 0-9 _ -, first a letter or digit',
  )
}

/** Checks labels. Throws SQUADD_INVALID. */
export function checkLabels(labels: readonly string[], field: string): string[] {
  for (const one of labels)
    if (!labelPattern.test(one))
      throw invalid(field, one, 'is not a label', 'use 1 to 48 of A-Z a-z 0-9 _ . -')
  return [...new Set(labels)].sort()
}

import { readInput } from '../src/supervisor/api/input.ts'
import { taskInput } from '../src/supervisor/api/schemas.ts'
import { asSquadError, invalid, SquadError } from '../src/supervisor/domain/error.ts'
import type { TaskInput } from '../src/supervisor/domain/task.ts'
import { createTask } from '../src/supervisor/domain/create-task.ts'
import { duration, time } from './arguments.ts'

type Line = Record<string, unknown>

/** Short names of a line and what they stand for. */
const shortNames = {
  timeout: { name: 'timeoutMs', read: duration },
  deadline: { name: 'deadlineAt', read: time },
  notBefore: { name: 'notBeforeAt', read: time },
  maxWall: { name: 'maxWallMs', read: duration },
  maxCost: { name: 'maxCostUsd', read: (value: string) => value },
} as const

// The daemon knows the size it accepts.
const noLimits = {
  maxPromptBytes: Number.MAX_SAFE_INTEGER,
  taskTimeoutMs: 0,
  taskMaxAttempts: 1,
}

/**
 * The tasks of a text with one JSON object a line, each a TaskInput with the API's names or
 * `timeout: "5m"`, `deadline: "+30m"`, `notBefore`, `maxWall`, `maxCost`. Empty lines are skipped. Throws
 * SQUADD_INVALID that names the line; `lineOf` names it in an error of the daemon.
 */
export function readBatch(text: string): {
  inputs: TaskInput[]
  lineOf: (error: unknown) => unknown
} {
  const lines = text
    .split('\n')
    .map((content, i) => ({ content, number: i + 1 }))
    .filter(({ content }) => content.trim() !== '')
  if (lines.length === 0) throw invalid('batch', '', 'is empty', 'write a JSON object a line')
  const inputs = lines.map(({ content, number }) => {
    try {
      const input = readInput(taskInput, expand(parse(content)))
      createTask(input, noLimits)
      return input
    } catch (error) {
      throw inLine(number, error)
    }
  })
  const lineOf = (error: unknown): unknown => {
    const index = error instanceof SquadError ? error.data['index'] : undefined
    const line = typeof index === 'number' ? lines[index] : undefined
    return line ? inLine(line.number, error) : error
  }
  return { inputs, lineOf }
}

function parse(content: string): Line {
  const value = readJson(content)
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Line
  throw invalid('line', value, 'is not an object', 'write {"prompt": "…"}')
}

function readJson(content: string): unknown {
  try {
    return JSON.parse(content)
  } catch {
    throw invalid('line', content, 'is not JSON', 'write {"prompt": "…"}, all of it in one line')
  }
}

function expand(given: Line): Line {
  const line = { ...given }
  for (const [short, { name, read }] of Object.entries(shortNames)) {
    if (!Object.hasOwn(line, short)) continue
    if (Object.hasOwn(line, name)) throw invalid(short, line[short], `repeats ${name}`, 'drop one')
    const value = line[short]
    line[name] = typeof value === 'string' ? read(value) : value
    delete line[short]
  }
  return line
}

function inLine(number: number, thrown: unknown): SquadError {
  const error = asSquadError(thrown)
  const code = error.code === 'SQUADD_INTERNAL' ? 'SQUADD_INVALID' : error.code
  const data = { ...error.data }
  delete data.hint
  const field =
    data.field === undefined ? {} : { field: data.field.replace(/^tasks\[\d+\]\.?/, '') }
  return new SquadError(
    code,
    `line ${number}: ${error.message.replace(/^tasks\[\d+\]\.?/, '')}`,
    { ...data, ...field, line: number },
    thrown,
  )
}

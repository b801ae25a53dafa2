import { resolve } from 'node:path'
import type { z } from 'zod'
import { readInput } from '../api/input.ts'
import { agentInput, taskInput } from '../api/schemas.ts'
import type { AgentInput } from '../domain/agent.ts'
import { invalid } from '../domain/error.ts'
import type { TaskInput } from '../domain/task.ts'

/** What the API checks, for callers that no compiler has checked. Throws SQUADD_INVALID. */
export const checkTaskInput = (input: TaskInput): TaskInput =>
  read('task', taskInput, input, '{ prompt }')

/** The same for an agent; its repository may be a relative path. */
export function checkAgentInput(input: AgentInput): AgentInput {
  const checked = read('agent', agentInput, input, '{ id, repo }')
  return { ...checked, repo: resolve(checked.repo) }
}

function read<S extends z.ZodType>(
  name: string,
  schema: S,
  input: unknown,
  least: string,
): z.output<S> {
  if (typeof input !== 'object' || input === null)
    throw invalid(name, input, 'is not an object', `give ${least} at least`)
  // In JavaScript an option is often given as undefined when it is not given.
  const named = Object.entries(input).filter(([, value]) => value !== undefined)
  const given = Object.fromEntries(named)
  readInput(schema, given)
  // Not the copy that zod makes, which leaves out names like __proto__.
  return given as z.output<S>
}

import { endedStates } from '../domain/task.ts'

/** What follows `state in`: the states of tasks that have ended. */
export const ended = `(${endedStates.map((state) => `'${state}'`).join(', ')})`

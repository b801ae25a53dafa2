import type { Cause } from '../supervisor/domain/task.ts'

/** An interactive program could not be brought to take a prompt. */
export class StartProblem extends Error {
  readonly problem: Cause

  constructor(problem: Cause, reason: string) {
    super(reason)
    this.problem = problem
  }
}

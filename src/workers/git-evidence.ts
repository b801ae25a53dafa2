import type { GitChange } from '../supervisor/domain/task.ts'
import type { GitBase } from './change.ts'

/** git may hang on a lock or a slow disk; a verdict does not wait for it for ever. */
const gitLimitMs = 5000

/** What git says of a worktree before and after an attempt. */
export class GitEvidence {
  readonly #worktree: string
  #base: Promise<GitBase | null> | null = null

  constructor(worktree: string) {
    this.#worktree = worktree
  }

  /** The state an attempt begins at, or null when git cannot say. Read once, best in idle time. */
  base(): Promise<GitBase | null> {
    return (this.#base ??= this.#capture())
  }

  /** The worktree has changed: the next attempt begins at another state. */
  forget(): void {
    this.#base = null
  }

  /** Throws what git says, or that it took too long. */
  async since(base: GitBase): Promise<GitChange> {
    const { changeSince } = await import('./change.ts')
    return limit(changeSince(this.#worktree, base))
  }

  async #capture(): Promise<GitBase | null> {
    try {
      // Loaded late: an idle host does without it.
      const { captureBase } = await import('./change.ts')
      return await limit(captureBase(this.#worktree))
    } catch {
      return null
    }
  }
}

function limit<T>(promise: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(
      () => reject(new Error(`git did not answer in ${gitLimitMs} ms`)),
      gitLimitMs,
    )
    promise.then(resolve, reject).finally(() => clearTimeout(timer))
  })
}

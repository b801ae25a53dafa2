import { join } from 'node:path'
import { execa } from 'execa'

/** Runs `count` works, `width` at a time. */
export async function inParallel(
  count: number,
  width: number,
  work: (n: number) => Promise<unknown>,
): Promise<void> {
  let next = 0
  const one = async () => {
    for (let n = next++; n < count; n = next++) await work(n)
  }
  await Promise.all(Array.from({ length: width }, one))
}

/** Worktrees by plain git. git 2.39 loses races at times where several are added at once: then again. */
export class PlainWorktrees {
  readonly #repo: string
  readonly #dir: string
  readonly #width: number
  #round = 0

  constructor(repo: string, dir: string, width: number) {
    this.#repo = repo
    this.#dir = dir
    this.#width = width
  }

  /** Adds so many, each on its own branch; answers in seconds. */
  async add(count: number): Promise<number> {
    this.#round += 1
    return timed(() =>
      inParallel(count, this.#width, async (n) => {
        const add = () =>
          this.#git('worktree', 'add', '-q', '-B', this.#name(n), this.#path(n), 'HEAD')
        await add().catch(async () => {
          await this.#git('worktree', 'prune')
          await add()
        })
      }),
    )
  }

  remove(count: number): Promise<number> {
    return timed(() =>
      inParallel(count, this.#width, async (n) => {
        await this.#twice('worktree', 'remove', this.#path(n))
        await this.#twice('branch', '-q', '-D', this.#name(n))
      }),
    )
  }

  async #twice(...args: string[]): Promise<void> {
    await this.#git(...args).catch(() => this.#git(...args))
  }

  #git(...args: string[]) {
    return execa('git', ['-C', this.#repo, ...args])
  }

  #name(n: number): string {
    return `plain${this.#width}-${this.#round}-${n}`
  }

  #path(n: number): string {
    return join(this.#dir, this.#name(n))
  }
}

/** How long it took, in seconds. */
export async function timed(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now()
  await work()
  return (performance.now() - start) / 1000
}

import type { AgentInput } from '../domain/agent.ts'
import { configTable, defaults } from '../domain/config.ts'
import { invalid } from '../domain/error.ts'
import type { TaskInput, TaskResult } from '../domain/task.ts'
import { checkAgentName } from '../domain/names.ts'
import { checkAgentInput } from './check-input.ts'
import { Post } from './post.ts'
import { Workplace } from './workplace.ts'

/** How an instance is started. Everything but `title` and `path` has a default. */
export type InstanceOptions = Omit<AgentInput, 'id' | 'repo'> & {
  /** Its name: `[A-Za-z0-9][A-Za-z0-9_-]{0,47}`. */
  title: string
  /** The git repository. */
  path: string
}

const promptOptions = [
  'timeoutMs',
  'verify',
  'retries',
  'onUnknown',
  'onStall',
  'maxCostUsd',
  'metadata',
] as const

/** What may be said of one prompt: see `TaskInput`. */
export type PromptOptions = Pick<TaskInput, (typeof promptOptions)[number]>

// Who sends prompts himself decides for himself when it is too much.
const config = Object.freeze({
  ...defaults,
  breakerMaxFailures: configTable.breakerMaxFailures.max,
  maxLoadPerCore: 0,
  minFreeMemoryBytes: 0,
  minFreeDiskBytes: 0,
  minFreeFiles: 0,
})

let postOf: (instance: Instance) => Post
let instanceAt: (title: string, post: Post) => Instance

/**
 * A program in its own tmux session and git worktree, on its own branch. It works alone
 * (`sendPrompt`), or under an orchestrator once a ManagedAgent made of it is added to one.
 *
 * Its worktree lies in a temporary folder: it lives as long as this process. `kill` ends it and
 * keeps unsaved work; when the process dies without, the program ends and the worktree stays.
 */
export class Instance {
  readonly title: string
  readonly #post: Post

  static {
    postOf = (instance) => instance.#post
    instanceAt = (title, post) => new Instance(title, post)
  }

  /**
   * Starts tmux, worktree and branch (default `squadd/<title>`); resolves when it is ready for a
   * prompt. Throws SQUADD_INVALID, SQUADD_GIT, SQUADD_TMUX; then nothing of it is left.
   */
  static async start({ title, path, ...options }: InstanceOptions): Promise<Instance> {
    checkAgentName(title, 'title')
    if (typeof path !== 'string')
      throw invalid('path', path, 'is not a path', 'name a git repository')
    const input = checkAgentInput({ ...options, id: title, repo: path })
    const place = new Workplace({ name: `instance ${title}`, config })
    try {
      await place.change(() => place.squad.addAgent(input))
    } catch (error) {
      await place.shutdown(0)
      throw error
    }
    return new Instance(title, new Post(place, title, true))
  }

  private constructor(title: string, post: Post) {
    this.title = title
    this.#post = post
  }

  /**
   * Runs one prompt and resolves with its result, also when that is a failure; `timeoutMs` is 1 h by
   * default. Throws SQUADD_CONFLICT while it is busy or paused, or works for an orchestrator.
   */
  async sendPrompt(prompt: string, options: PromptOptions = {}): Promise<TaskResult> {
    for (const [name, value] of Object.entries(options))
      if (!promptOptions.some((known) => known === name))
        throw invalid(name, value, 'is not for one prompt', `use ${promptOptions.join(', ')}`)
    return this.#post.prompt({ ...options, prompt })
  }

  /** The text on its screen. Throws SQUADD_CONFLICT when it has ended, SQUADD_TIMEOUT. */
  preview(): Promise<string> {
    const { place, id } = this.#post
    return place.change(() => place.squad.agentScreen(id))
  }

  /** A unified diff of its worktree against the commit its branch began at. Throws SQUADD_GIT. */
  async diff(): Promise<string> {
    const { place, id } = this.#post
    const bytes = await place.change(() => place.squad.agentDiff(id))
    return new TextDecoder().decode(bytes)
  }

  /** The command (argv) that shows its live terminal; read-only unless `write`. */
  attach({ write = false } = {}): string[] {
    const { tmuxSocket } = this.#post.agent
    return ['tmux', '-S', tmuxSocket, 'attach-session', '-t', '=sq', ...(write ? [] : ['-r'])]
  }

  /**
   * Ends program, tmux, worktree and branch (`keepBranch`: not the branch). A prompt under way is
   * cancelled. Work that would be lost is kept under refs/squadd/rescue: resolves with that ref, or
   * null; asked again it answers the same. Throws SQUADD_CONFLICT while it works for an
   * orchestrator, SQUADD_GIT when the worktree cannot be removed.
   */
  kill({ keepBranch = false } = {}): Promise<string | null> {
    return this.#post.dissolve(keepBranch)
  }
}

// For this folder alone.
export { instanceAt, postOf }

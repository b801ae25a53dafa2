import type { AttemptOrder } from '../supervisor/domain/message.ts'
import type { StopReason } from '../supervisor/domain/task.ts'
import type { Pane, WindowId } from './tmux-commands.ts'

/** An attempt in its host: a start of its own, or a turn in a program that goes on. */
export interface Work {
  readonly order: AttemptOrder
  /** It may still run. */
  readonly isOpen: boolean
  readonly windowId: WindowId | null
  readonly programPid: number | null
  /** When it last showed something, ms since 1970. */
  outputAt(): Promise<number | null>
  /** Begins it. Whatever fails, a verdict follows. */
  launch(): Promise<void>
  /** Recalls what an earlier host knew, and its window if that is among `panes`. */
  recall(panes: readonly Pane[]): void
  /** Goes on with what was recalled: waits, judges, or ends what was to be stopped. */
  resume(stop: StopReason | null): Promise<void>
  /** Makes sure that it never runs; a verdict says so. */
  refuse(): void
  /** Facts came: what do they say? */
  look(): void
  /** Something went away, or somebody asks: does it still go on? */
  check(): Promise<void>
  /** Its window is gone: with its server, or because the launcher ended. */
  loseWindow(): Promise<void>
  /**
   * Ends it within the grace; resolves when the verdict is out. What had ended by itself before keeps
   * its own verdict.
   */
  stop(reason: StopReason, graceMs?: number): Promise<void>
  /** The store has it: removes every trace. */
  clean(): Promise<void>
  /** Resolves when nothing of it is left. */
  readonly whenCleaned: Promise<void>
}

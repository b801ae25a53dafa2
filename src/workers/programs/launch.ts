import type { AgentSpec } from '../../supervisor/domain/agent.ts'

/** Where a program is started. Paths are absolute. */
export type Place = {
  spec: AgentSpec
  worktree: string
  /** A folder of ours for the files that this start needs. */
  folder: string
  /** Everything but what the launch adds. */
  env: Readonly<Record<string, string>>
  /** What the program knows its conversation by, so that it goes on with it. */
  conversation: KnownConversation | null
  /** The command line of a hook: its standard input becomes the signal `event`. */
  hook(event: string): string
  /** The path of such a signal's file up to its event; `.`, a number that grows and `.hook` follow. */
  hookPrefix: string
}

/** `isBegun`: the program has stored something under this id. */
export type KnownConversation = { id: string; isBegun: boolean }

export type Launch = {
  argv: readonly string[]
  /** The path of a file; null is /dev/null. */
  stdin: string | null
  env?: Readonly<Record<string, string>>
  /** Files to be written into the place's folder before the start, by name. */
  files?: Readonly<Record<string, string>>
  /** Symbolic links to be made there, by name; what had the name before goes. */
  links?: Readonly<Record<string, string>>
}

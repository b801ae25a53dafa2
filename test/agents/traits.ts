import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Program } from './home.ts'

/** What the tests have to know of a program. */
export type Traits = {
  /** A prompt that makes it ask whether it may run a command. */
  asking: (command: string) => string
  /** Files of the user's that no start may change. */
  untouched: readonly RegExp[]
  /** A hook of the user's at the end of a turn: once it sends `reason` back instead. */
  blockOnce?: (home: string, flag: string, reason: string) => void
}

/** A shell's files, whatever the program. */
const profiles = /^\.[a-z_]*(rc|profile)$/

export const traits: Record<Program, Traits> = {
  claude: {
    asking: (command) => `[[shell: sh -c '${command}']]`,
    untouched: [/^\.claude\/settings(\.local)?\.json$/, profiles],
    blockOnce(home, flag, reason) {
      const hooks = { Stop: hook(once(flag, 'block', reason)) }
      mkdirSync(join(home, '.claude'), { recursive: true })
      writeFileSync(join(home, '.claude/settings.json'), JSON.stringify({ hooks }))
    },
  },
  codex: {
    // In its sandbox it would not ask.
    asking(command) {
      const escalated = { sandbox_permissions: 'require_escalated', justification: 'it has to' }
      return `[[tool: exec_command ${JSON.stringify({ cmd: command, ...escalated })}]]`
    },
    // In its terminal Codex itself counts its starts in config.toml.
    untouched: [/^\.codex\/hooks\.json$/, profiles],
    blockOnce(home, flag, reason) {
      const hooks = { Stop: hook(once(flag, 'block', reason)) }
      writeFileSync(join(home, '.codex/hooks.json'), JSON.stringify({ hooks }))
    },
  },
  gemini: {
    asking: (command) => `[[shell: ${command}]]`,
    // It keeps a list of its projects itself.
    untouched: [/^\.gemini\/(?!projects\.)[^/]+\.json$/, /^\.gemini\/extensions/, profiles],
    blockOnce(home, flag, reason) {
      const file = join(home, '.gemini/settings.json')
      const settings = JSON.parse(readFileSync(file, 'utf8')) as object
      const [{ hooks }] = hook(once(flag, 'deny', reason), 10_000)
      const AfterAgent = [{ matcher: '*', hooks: hooks.map((one) => ({ name: 'own', ...one })) }]
      writeFileSync(file, JSON.stringify({ ...settings, hooks: { AfterAgent } }))
    },
  },
  opencode: {
    asking: (command) => `[[shell: ${command}]]`,
    untouched: [/^\.config\/opencode\/(opencode\.json|package\.json)$/, profiles],
  },
}

const hook = (command: string, timeout = 10) =>
  [{ hooks: [{ type: 'command', command, timeout }] }] as const

/** A command that blocks the first time. */
function once(flag: string, decision: string, reason: string): string {
  const answer = JSON.stringify({ decision, reason })
  return `cat >/dev/null; test -e '${flag}' && exit 0; touch '${flag}'; sleep 0.3; printf '%s' '${answer}'`
}

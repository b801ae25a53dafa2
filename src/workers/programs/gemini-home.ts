import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import stripJsonComments from 'strip-json-comments'
import { StartProblem } from '../start-problem.ts'
import type { Launch, Place } from './launch.ts'
import { fieldsOf } from './terminal.ts'

/** What Gemini keeps for itself: each of our agents has its own. */
const own = ['settings.json', 'policies', 'tmp', 'history', 'projects.json', 'state.json']

/**
 * Gemini takes hooks from its settings alone, and the settings of the system only from root. So each
 * agent gets a home of its own in our folder (GEMINI_CLI_HOME): a copy of the user's settings with
 * ours in it, a rule for what it may do without asking, its own conversations, and links to
 * everything else of the user's (logins, memory, commands, extensions). An extension folder would
 * work too, but in the user's home and in all of his sessions; this leaves nothing there, and works
 * as root and as anybody else. Throws StartProblem for settings that Gemini could not read either.
 */
export function geminiHome(place: Place, hooks: Hooks): Required<Pick<Launch, 'files' | 'links'>> {
  const home = place.env['GEMINI_CLI_HOME'] ?? place.env['HOME'] ?? '/'
  const user = join(home, '.gemini')
  const settings = settingsFor(readSettings(join(user, 'settings.json')), hooks)
  const linked = [
    ...namesIn(user).filter((name) => !own.includes(name)),
    ...namesIn(join(user, 'policies')).map((name) => `policies/${name}`),
  ].map((name) => [`gemini/.gemini/${name}`, join(user, name)])
  const beside = namesIn(home).filter((name) => name === '.env' || name === '.agents')
  return {
    files: {
      'gemini/.gemini/settings.json': JSON.stringify(settings),
      'gemini/.gemini/policies/squadd.toml': policy[place.spec.permission],
    },
    links: Object.fromEntries([
      ...linked,
      ...beside.map((name) => [`gemini/${name}`, join(home, name)]),
    ]),
  }
}

/** The variables that go with the home; they win over the user's own. */
export const geminiEnv = ({ folder, spec }: Place): Record<string, string> => ({
  GEMINI_CLI_HOME: join(folder, 'gemini'),
  // Without it a child of its own does the work, and survives the terminal and SIGTERM.
  GEMINI_CLI_NO_RELAUNCH: 'true',
  // Squadd asks whether the folder is trusted when the agent is added, not the program at each start.
  GEMINI_CLI_TRUST_WORKSPACE: String(spec.trust),
})

/** The command of each event's hook; after a colon the tool that it is for. */
export type Hooks = Readonly<Record<string, string>>

type Settings = Readonly<Record<string, unknown>>

function settingsFor(user: Settings, ours: Hooks): Settings {
  const isOff = fieldsOf(user['hooksConfig'])['enabled'] === false
  const hooks: Record<string, unknown[]> = {}
  for (const [event, list] of Object.entries(isOff ? {} : fieldsOf(user['hooks'])))
    if (Array.isArray(list)) hooks[event] = list
  for (const [name, command] of Object.entries(ours)) {
    const [event = '', matcher = '*'] = name.split(':')
    const hook = { name: `squadd-${event}`, type: 'command', command, timeout: 10_000 }
    hooks[event] = [...(hooks[event] ?? []), { matcher, hooks: [hook] }]
  }
  const general = fieldsOf(user['general'])
  const context = fieldsOf(user['context'])
  return {
    ...user,
    hooks,
    hooksConfig: { ...fieldsOf(user['hooksConfig']), enabled: true },
    general: { ...general, enableAutoUpdate: false, vimMode: false },
    // A word with an @ in a prompt gets a file of just this name read with it, not any that is like it.
    context: {
      ...context,
      fileFiltering: { ...fieldsOf(context['fileFiltering']), enableRecursiveFileSearch: false },
    },
    ui: {
      ...fieldsOf(user['ui']),
      // Its title tells when it has ended.
      hideWindowTitle: false,
      dynamicWindowTitle: true,
    },
  }
}

/** Edits inside the worktree need no person; in a folder that is not trusted no mode says so. */
const edits = `[[rule]]
toolName = ["write_file", "replace", "web_fetch"]
decision = "allow"
priority = 1

[[safety_checker]]
toolName = ["write_file", "replace"]
priority = 1
[safety_checker.checker]
type = "in-process"
name = "allowed-path"
required_context = ["environment"]
`

const everything = `[[rule]]
toolName = "*"
decision = "allow"
priority = 1
allowRedirection = true

[[rule]]
toolName = "ask_user"
decision = "ask_user"
priority = 2
interactive = true
`

const policy = { ask: edits, auto: everything }

function readSettings(path: string): Settings {
  try {
    return fieldsOf(JSON.parse(stripJsonComments(readFileSync(path, 'utf8'))))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return {}
    throw new StartProblem('bad_config', `${path} cannot be read: ${(error as Error).message}`)
  }
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw error
  }
}

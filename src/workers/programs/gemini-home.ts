import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import stripJsonComments from 'strip-json-comments'
import { StartProblem } from '../start-problem.ts'
import type { Launch, Place } from './launch.ts'
import type { Fields } from './terminal.ts'
import { fieldsOf } from './terminal.ts'

/** What Gemini keeps for itself: each of our agents has its own. */
const own = ['settings.json', 'tmp', 'history', 'projects.json', 'state.json']
/** Folders that get something of ours beside what the user has in them. */
const shared = ['policies', 'extensions']

/**
 * Gemini takes hooks from settings and from extensions: in a folder that is not trusted from
 * extensions alone, and the settings of the system only from root. An extension in the user's home
 * would run in all of his sessions. So each agent gets a home of its own in our folder
 * (GEMINI_CLI_HOME): our extension, a copy of the user's settings, rules for what it may do without
 * asking, its own conversations, and links to all the rest of the user's (logins, memory, commands,
 * extensions). It leaves nothing in the user's home and works as root and as anybody else. Throws
 * StartProblem for settings that Gemini could not read either.
 */
export function geminiHome(place: Place, hooks: Hooks): Required<Pick<Launch, 'files' | 'links'>> {
  const home = place.env['GEMINI_CLI_HOME'] ?? place.env['HOME'] ?? '/'
  const user = join(home, '.gemini')
  const linked = [
    ...namesIn(user).filter((name) => !own.includes(name) && !shared.includes(name)),
    ...shared.flatMap((folder) => namesIn(join(user, folder)).map((name) => `${folder}/${name}`)),
  ].map((name) => [`gemini/.gemini/${name}`, join(user, name)])
  const beside = namesIn(home).filter((name) => name === '.env' || name === '.agents')
  return {
    files: {
      'gemini/.gemini/settings.json': JSON.stringify(settings(join(user, 'settings.json'))),
      'gemini/.gemini/policies/squadd.toml': policy[place.spec.permission],
      ...extension(hooks),
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

function extension(commands: Hooks): Record<string, string> {
  const folder = 'gemini/.gemini/extensions/squadd'
  const hooks: Record<string, unknown[]> = {}
  for (const [name, command] of Object.entries(commands)) {
    const [event = '', matcher = '*'] = name.split(':')
    const hook = { name: `squadd-${event}`, type: 'command', command, timeout: 10_000 }
    hooks[event] = [{ matcher, hooks: [hook] }]
  }
  return {
    [`${folder}/gemini-extension.json`]: '{"name":"squadd","version":"1.0.0"}',
    [`${folder}/hooks/hooks.json`]: JSON.stringify({ hooks }),
  }
}

function settings(file: string): Fields {
  const user = read(file)
  const inner = (name: string) => fieldsOf(user[name])
  const { hooks, ...rest } = user
  return {
    ...rest,
    // Ours have to run; where the user wants none, his own do not.
    ...(inner('hooksConfig')['enabled'] === false ? {} : { hooks }),
    hooksConfig: { ...inner('hooksConfig'), enabled: true },
    general: { ...inner('general'), enableAutoUpdate: false, vimMode: false },
    // A word with an @ in a prompt gets a file of just this name read with it, not any that is like it.
    context: {
      ...inner('context'),
      fileFiltering: {
        ...fieldsOf(inner('context')['fileFiltering']),
        enableRecursiveFileSearch: false,
      },
    },
    // Its title tells when it has ended.
    ui: { ...inner('ui'), hideWindowTitle: false, dynamicWindowTitle: true },
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

function read(path: string): Fields {
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

import { mkdirSync, readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import stripJsonComments from 'strip-json-comments'
import { codeOf } from '../../supervisor/domain/error.ts'
import { StartProblem } from '../ready.ts'
import type { Launch, Place } from './launch.ts'
import type { Fields } from './fields.ts'
import { fieldsOf } from './fields.ts'

/** What each start writes anew, and what Gemini replaces whole: no link would stay one. */
const own = ['settings.json', 'extensions', 'projects.json', 'state.json']
/** Where Gemini keeps conversations; they outlive the agent's folder, so they stay at the user's. */
const kept = ['tmp', 'history']

/**
 * Gemini takes hooks from settings and from extensions: in a folder that is not trusted from
 * extensions alone, and the settings of the system only from root. An extension in the user's home
 * would run in all of his sessions. So each agent gets a home of its own in our folder
 * (GEMINI_CLI_HOME): our extension beside links to the user's, a copy of his settings, and links to
 * all the rest (logins, memory, commands, policies, conversations). Nothing of ours is in the user's
 * home, and it works as root and as anybody else. Throws StartProblem for settings that Gemini could
 * not read either.
 */
export function geminiHome(
  place: Place,
  hooks: Hooks,
): Required<Pick<Launch, 'files' | 'links' | 'env'>> {
  const home = place.env['GEMINI_CLI_HOME'] ?? place.env['HOME'] ?? '/'
  const user = join(home, '.gemini')
  for (const name of kept) mkdirSync(join(user, name), { recursive: true, mode: 0o700 })
  const linked = [
    ...namesIn(home).filter((name) => name === '.env' || name === '.agents'),
    ...[
      ...namesIn(user).filter((name) => !own.includes(name)),
      ...namesIn(join(user, 'extensions')).map((name) => `extensions/${name}`),
    ].map((name) => `.gemini/${name}`),
  ]
  return {
    env: { GEMINI_CLI_HOME: join(place.folder, 'gemini') },
    files: {
      'gemini/.gemini/settings.json': JSON.stringify(settings(join(user, 'settings.json'))),
      ...extension(hooks),
    },
    links: Object.fromEntries(linked.map((name) => [`gemini/${name}`, join(home, name)])),
  }
}

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

function read(path: string): Fields {
  try {
    return fieldsOf(JSON.parse(stripJsonComments(readFileSync(path, 'utf8'))))
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return {}
    throw new StartProblem('bad_config', `${path} cannot be read: ${(error as Error).message}`)
  }
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder)
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return []
    throw error
  }
}

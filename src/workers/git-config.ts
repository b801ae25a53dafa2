import { ask } from './git-run.ts'
import { atFolder } from './git-view.ts'

/**
 * Settings, as environment, that switch off every filter and hook which the repository's own
 * configuration names. Those of the user's own configuration, such as git-lfs, stay.
 */
export async function withoutForeignCommands(repo: string): Promise<Record<string, string>> {
  const listing = [
    'config',
    '--show-scope',
    '-z',
    '--get-regexp',
    '^(filter|hook)\\..+\\.',
  ] as const
  const found = (await ask(listing, atFolder(repo))) ?? ''
  const users = new Map<string, string>()
  const foreign = new Set<string>()
  const parts = found.split('\0')
  for (let i = 0; i + 1 < parts.length; i += 2) {
    const [scope, entry = ''] = [parts[i], parts[i + 1]]
    const end = entry.indexOf('\n')
    const key = end < 0 ? entry : entry.slice(0, end)
    if (scope === 'global' || scope === 'system')
      users.set(key, end < 0 ? '' : entry.slice(end + 1))
    else foreign.add(key.slice(0, key.lastIndexOf('.')))
  }
  const settings: [key: string, value: string][] = []
  for (const driver of foreign) {
    if (driver.startsWith('hook.')) settings.push([`${driver}.enabled`, 'false'])
    else
      for (const [name, off] of [
        ['clean', ''],
        ['smudge', ''],
        ['process', ''],
        ['required', 'false'],
      ])
        settings.push([`${driver}.${name}`, users.get(`${driver}.${name}`) ?? off!])
  }
  const env: Record<string, string> = { GIT_CONFIG_COUNT: String(settings.length) }
  for (const [i, [key, value]] of settings.entries()) {
    env[`GIT_CONFIG_KEY_${i}`] = key
    env[`GIT_CONFIG_VALUE_${i}`] = value
  }
  return env
}

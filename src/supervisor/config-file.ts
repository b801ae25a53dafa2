import { readFileSync } from 'node:fs'
import type { Config } from './domain/config.ts'
import { parseConfig, shownConfig } from './domain/config.ts'
import { codeOf, messageOf, SquadError } from './domain/error.ts'

/** Where a setting's value comes from. */
export type ConfigOrigin = 'default' | 'file'

/**
 * The settings of a configuration file. A missing file means the defaults, unless it is `required`.
 * Throws SQUADD_BAD_CONFIG that names the file and the key, or the line and column.
 */
export function readConfigFile(file: string, how: { required?: boolean } = {}): Config {
  const given = readSettings(file, how)
  return inFile(file, () => parseConfig(given))
}

/** Each setting as it may be shown, and where its value comes from. Throws like readConfigFile. */
export function configOrigin(
  file: string,
  how: { required?: boolean } = {},
): { [K in keyof Config]: { value: Config[K]; origin: ConfigOrigin } } {
  const given = readSettings(file, how)
  const config = shownConfig(inFile(file, () => parseConfig(given)))
  const named = typeof given === 'object' && given !== null ? Object.keys(given) : []
  const entries = Object.entries(config).map(([name, value]) => [
    name,
    { value, origin: named.includes(name) ? 'file' : 'default' },
  ])
  return Object.fromEntries(entries)
}

function readSettings(file: string, { required = false }: { required?: boolean }): unknown {
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch (error) {
    if (!required && codeOf(error) === 'ENOENT') return {}
    throw new SquadError(
      'SQUADD_BAD_CONFIG',
      `${file} cannot be read: ${messageOf(error)}`,
      { file, hint: required ? 'name a file that you may read' : 'make it readable or remove it' },
      error,
    )
  }
  return parseJson(text.replace(/^\uFEFF/, ''), file)
}

function parseJson(text: string, file: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    const before = text.slice(0, placeOfError(text)).split('\n')
    const line = before.length
    const column = (before.at(-1) ?? '').length + 1
    const problem = messageOf(error).replace(/(?: in JSON| after JSON)? at position .*$/s, '')
    throw new SquadError(
      'SQUADD_BAD_CONFIG',
      `${file}:${line}:${column} is not JSON: ${problem}`,
      { file, line, column, hint: 'mend it there' },
      error,
    )
  }
}

/** JSON.parse does not always say where: this is the end of the longest text that could go on. */
function placeOfError(text: string): number {
  let [good, bad] = [0, text.length + 1]
  while (bad - good > 1) {
    const middle = (good + bad) >> 1
    if (couldGoOn(text.slice(0, middle))) good = middle
    else bad = middle
  }
  return good
}

function couldGoOn(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch (error) {
    const message = messageOf(error)
    const position = /at position (\d+)/.exec(message)?.[1]
    return position === undefined
      ? /^Unexpected end/.test(message)
      : Number(position) >= text.length
  }
}

/** Says which file a bad setting stands in. */
function inFile<T>(file: string, read: () => T): T {
  try {
    return read()
  } catch (error) {
    if (!(error instanceof SquadError)) throw error
    const { hint } = error.data
    const plain = hint ? error.message.slice(0, -`; ${hint}`.length) : error.message
    throw new SquadError(error.code, `${file}: ${plain}`, { ...error.data, file }, error)
  }
}

import { lstatSync, opendirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import stripJsonComments from 'strip-json-comments'
import type { ProgramName } from '../domain/agent.ts'

/** A file of a repository that a program would obey, and what it says to run, fetch or set. */
export type Finding = { file: string; says: string[] }

/** What a repository may configure for a program: it can run commands of the repository's choice. */
const configurations: Partial<Record<ProgramName, readonly string[]>> = {
  claude: ['.claude/settings.json', '.claude/settings.local.json', '.mcp.json'],
  codex: ['.codex'],
  gemini: ['.gemini'],
  opencode: ['opencode.json', 'opencode.jsonc', '.opencode'],
  aider: ['.aider.conf.yml', '.env'],
}
/** What it may only say: the program reads it as if you had said it. */
const instructions: Partial<Record<ProgramName, readonly string[]>> = {
  claude: ['CLAUDE.md', 'CLAUDE.local.md', '.claude/CLAUDE.md'],
  codex: ['AGENTS.md', 'AGENTS.override.md'],
  gemini: ['GEMINI.md'],
  opencode: ['AGENTS.md'],
}

const longestFile = 262_144
const mostFiles = 50
const mostNames = 1000
const deepest = 3
const tooMuch = `(has more than ${mostFiles} files, ${mostNames} names or ${deepest} folders in each other: the rest was not looked into)`
const mostLines = 12

/** Names under which something is run, asked or sent elsewhere. */
const acts =
  /^(?:command|cmd|args|url|httpUrl|plugin|notify|exec|program|apiKeyHelper|awsAuthRefresh|otelHeadersHelper|.*_BASE_URL|.*baseURL|base_url|.*_API_BASE|.*-api-base|(?:lint|test|editor|notifications)-(?:cmd|command)|auto-test|load|allow|dangerously.*|yolo|approval_policy|sandbox_mode|enableAllProjectMcpServers)$/i

/** The configuration that a repository has for a program; empty when there is none. */
export const configurationOf = (repo: string, program: ProgramName): Finding[] =>
  (configurations[program] ?? []).flatMap((name) => {
    const { files, isCut } = filesBelow(repo, name)
    const found = files.map(read(repo))
    return isCut ? [...found, { file: `${name}/`, says: [tooMuch] }] : found
  })

/** The files that speak to the program in a repository. */
export const instructionsOf = (repo: string, program: ProgramName): string[] =>
  (instructions[program] ?? []).filter((name) => kindOf(join(repo, name)) !== undefined)

const kindOf = (path: string): 'file' | 'folder' | 'link' | undefined => {
  const found = lstatSync(path, { throwIfNoEntry: false })
  if (found?.isSymbolicLink()) return 'link'
  return found?.isDirectory() ? 'folder' : found?.isFile() ? 'file' : undefined
}

/**
 * The files at a path of a repository, those that lie less deep first. A folder may hold anything, so
 * no more than so much is looked at; `isCut` says that there was more.
 */
function filesBelow(repo: string, name: string): { files: string[]; isCut: boolean } {
  const kind = kindOf(join(repo, name))
  if (kind !== 'folder') return { files: kind === undefined ? [] : [name], isCut: false }
  const files: string[] = []
  const folders = [{ path: name, depth: 0 }]
  let isCut = false
  let left = mostNames
  for (const { path, depth } of folders) {
    const names = namesIn(join(repo, path), left)
    left -= names.length
    if (left === 0) isCut = true
    for (const one of names) {
      const below = `${path}/${one}`
      const what = kindOf(join(repo, below))
      if (what === 'folder' && depth < deepest) folders.push({ path: below, depth: depth + 1 })
      else if (what === 'folder' || (what !== undefined && files.length === mostFiles)) isCut = true
      else if (what !== undefined) files.push(below)
    }
  }
  return { files, isCut }
}

/** At most so many names in a folder, in order. */
function namesIn(path: string, most: number): string[] {
  const folder = opendirSync(path)
  try {
    const names: string[] = []
    for (let one; names.length < most && (one = folder.readSync());) names.push(one.name)
    return names.sort()
  } finally {
    folder.closeSync()
  }
}

const read =
  (repo: string) =>
  (file: string): Finding => {
    const path = join(repo, file)
    if (kindOf(path) !== 'file') return { file, says: ['(a link: not looked into)'] }
    if (lstatSync(path).size > longestFile) return { file, says: ['(too large to look into)'] }
    const text = readFileSync(path, 'utf8')
    const says = [...new Set(/\.jsonc?$/.test(file) ? ofJson(text) : ofLines(text))]
    const rest = says.length - mostLines
    return { file, says: rest > 0 ? [...says.slice(0, mostLines), `… and ${rest} more`] : says }
  }

function ofJson(text: string): string[] {
  try {
    return leaves(JSON.parse(stripJsonComments(text, { trailingCommas: true })), [])
  } catch {
    return ['(not valid JSON)', ...ofLines(text)]
  }
}

function leaves(value: unknown, path: readonly string[]): string[] {
  if (typeof value !== 'object' || value === null) return say(path, value)
  if (Array.isArray(value) && value.every((one) => typeof one !== 'object'))
    return say(path, value.join(' '))
  return Object.entries(value).flatMap(([name, item]) => leaves(item, [...path, name]))
}

const say = (path: readonly string[], value: unknown): string[] =>
  acts.test(path.at(-1) ?? '') ? [`${path.join('.')}: ${String(value)}`] : []

const ofLines = (text: string): string[] =>
  text.split('\n').filter((line) => {
    const [, name = ''] = /^\s*["']?(?:export\s+)?([\w-]+)["']?\s*[:=]/.exec(line) ?? []
    return acts.test(name)
  })

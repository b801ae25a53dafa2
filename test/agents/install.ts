import { createHash } from 'node:crypto'
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
} from 'node:fs'
import { homedir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { execa } from 'execa'

const versions = join(import.meta.dirname, 'package.json')

/** Where the pinned agent programs are, or will be: one folder for each set of versions. */
export function agentsFolder(): string {
  const hash = createHash('sha256').update(readFileSync(versions)).digest('hex')
  const cache = process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache')
  return join(cache, 'squadd', 'agents', hash.slice(0, 16))
}

/** Installs the agent programs, once, and answers the folder whose `node_modules` has them. */
export async function installAgents(): Promise<string> {
  const folder = agentsFolder()
  if (existsSync(folder)) return folder
  mkdirSync(dirname(folder), { recursive: true })
  const made = mkdtempSync(`${folder}.`)
  try {
    copyFileSync(versions, join(made, 'package.json'))
    // npm under an older Node silently takes older versions: this Node comes first.
    const PATH = [dirname(process.execPath), process.env['PATH']].join(delimiter)
    // No lock: npm leaves packages of other platforms out of it, and then refuses it.
    const npm = ['install', '--no-package-lock', '--no-audit', '--no-fund', '--loglevel=error']
    await execa('npm', npm, { cwd: made, env: { PATH }, stdio: ['ignore', 'inherit', 'inherit'] })
    renameSync(made, folder)
  } catch (error) {
    rmSync(made, { recursive: true, force: true })
    // Somebody else was faster.
    if (!existsSync(folder)) throw error
  }
  return folder
}

import { accessSync, constants, lstatSync, mkdirSync } from 'node:fs'
import { homedir } from 'node:os'
import { dirname, isAbsolute, join, resolve } from 'node:path'
import { invalid, messageOf, SquadError } from './domain/error.ts'

/** Where one squad keeps its files. Every path is absolute. */
export type Home = {
  root: string
  configFile: string
  stateDir: string
  storeFile: string
  lockFile: string
  /** Held while a daemon is being started in the background. */
  startLockFile: string
  /** Says who the daemon is; a hint for people. */
  pidFile: string
  /** What the daemon tells: a JSON object a line. */
  logFile: string
  /** What the daemon and the agent hosts print, which is only what they cannot tell otherwise. */
  printFile: string
  /** A 0700 folder for each agent: outbox, launchers, tmux conf. */
  agentsDir: string
  /** Output of attempts. */
  logsDir: string
  /** Copies of the store. */
  backupsDir: string
  worktreesDir: string
  /** Sockets: the API's and each agent's tmux. */
  runtimeDir: string
  socket: string
  tokenFile: string
  /** Agents' programs reach the API here. */
  agentSocket: string
  /** Seals their tokens. */
  agentSecretFile: string
}

type Env = Readonly<Record<string, string | undefined>>

// The kernel's limit for a socket's path (108 bytes with its end), and the longest name we give one.
const longestSocketPath = 107
const longestSocketName = 12

/**
 * The home named by `--home`, else by SQUADD_HOME, else the user's XDG folders (relative values are
 * ignored, as the specification asks). Touches nothing. Throws SQUADD_INVALID for an empty `home`
 * and SQUADD_BAD_CONFIG when its sockets would have too long a path.
 */
export function resolveHome({ home, env }: { home?: string; env: Env }): Home {
  if (home === '') throw invalid('home', home, 'is empty', 'name a folder')
  const root = home ?? env['SQUADD_HOME']
  const places = root ? oneFolder(resolve(root)) : xdgFolders(env)
  checkSocketRoom(places.runtimeDir, root !== undefined && root !== '')
  const { stateDir, runtimeDir } = places
  return {
    ...places,
    storeFile: join(stateDir, 'squadd.db'),
    lockFile: join(stateDir, 'lock.db'),
    startLockFile: join(stateDir, 'start-lock.db'),
    pidFile: join(stateDir, 'daemon.pid'),
    logFile: join(stateDir, 'daemon.log'),
    printFile: join(stateDir, 'printed.log'),
    agentsDir: join(stateDir, 'agents'),
    logsDir: join(stateDir, 'logs'),
    backupsDir: join(stateDir, 'backups'),
    socket: join(runtimeDir, 'squadd.sock'),
    tokenFile: join(stateDir, 'token'),
    agentSocket: join(runtimeDir, 'agents.sock'),
    agentSecretFile: join(stateDir, 'agent-secret'),
  }
}

type Places = Pick<Home, 'root' | 'configFile' | 'stateDir' | 'worktreesDir' | 'runtimeDir'>

function oneFolder(root: string): Places {
  return {
    root,
    configFile: join(root, 'config.json'),
    stateDir: root,
    worktreesDir: join(root, 'worktrees'),
    runtimeDir: join(root, 'run'),
  }
}

function xdgFolders(env: Env): Places {
  const user = env['HOME'] || homedir()
  const folder = (name: string, otherwise: string): string => {
    const value = env[name]
    return join(value && isAbsolute(value) ? value : join(user, otherwise), 'squadd')
  }
  const stateDir = folder('XDG_STATE_HOME', '.local/state')
  const runtime = env['XDG_RUNTIME_DIR']
  return {
    root: stateDir,
    configFile: join(folder('XDG_CONFIG_HOME', '.config'), 'config.json'),
    stateDir,
    worktreesDir: join(folder('XDG_DATA_HOME', '.local/share'), 'worktrees'),
    runtimeDir: runtime && isAbsolute(runtime) ? join(runtime, 'squadd') : join(stateDir, 'run'),
  }
}

function checkSocketRoom(runtimeDir: string, ownRoot: boolean): void {
  const longest = join(runtimeDir, 'x'.repeat(longestSocketName))
  const bytes = Buffer.byteLength(longest)
  if (bytes <= longestSocketPath) return
  throw badHome(
    `sockets in ${runtimeDir} would have paths of ${bytes} bytes, the limit is ${longestSocketPath}`,
    ownRoot ? 'choose a shorter --home' : 'set XDG_RUNTIME_DIR to a shorter folder',
  )
}

/** Every folder of a home, the one that holds others first. */
export const foldersOf = (home: Home): string[] => {
  const { stateDir, agentsDir, logsDir, backupsDir, worktreesDir, runtimeDir } = home
  return [...new Set([stateDir, agentsDir, logsDir, backupsDir, worktreesDir, runtimeDir])]
}

/**
 * Makes the folders of a home, 0700 each. Throws SQUADD_BAD_CONFIG for one that cannot be made or
 * written, is a symbolic link or another user's, or a runtime folder that others may write to.
 */
export function prepareHome(home: Home): void {
  for (const dir of foldersOf(home)) prepareFolder(dir, dir === home.runtimeDir)
}

/** One of them. */
export function prepareFolder(dir: string, isRuntime = false): void {
  try {
    makeFolder(dir)
  } catch (error) {
    throw badHome(`cannot make ${dir}: ${messageOf(error)}`, 'make it yourself')
  }
  checkFolder(dir, isRuntime)
}

/** Node's own recursive mkdir never returns where no folder can be made, as in /proc. */
function makeFolder(dir: string): void {
  const parent = dirname(dir)
  if (!isThere(parent)) makeFolder(parent)
  try {
    mkdirSync(dir, { mode: 0o700 })
  } catch (error) {
    // It was there, or another start has just made it.
    if (!isThere(dir)) throw error
  }
}

function checkFolder(dir: string, isRuntime: boolean): void {
  const found = lstatSync(dir)
  if (found.isSymbolicLink())
    throw badHome(`${dir} is a symbolic link`, 'put a folder there, or name the one it points to')
  if (!found.isDirectory()) throw badHome(`${dir} is not a folder`, 'move it away')
  const uid = process.getuid?.()
  if (uid !== undefined && found.uid !== uid)
    throw badHome(`${dir} belongs to user ${found.uid}, not to you (${uid})`, 'use your own folder')
  if (isRuntime && (found.mode & 0o022) !== 0)
    throw badHome(`others may write to ${dir}`, `chmod 700 ${dir}`)
  try {
    accessSync(dir, constants.W_OK | constants.X_OK)
  } catch (error) {
    throw badHome(`${dir} cannot be written: ${messageOf(error)}`, `chmod 700 ${dir}`)
  }
}

function isThere(path: string): boolean {
  try {
    lstatSync(path)
    return true
  } catch {
    return false
  }
}

const badHome = (message: string, hint: string): SquadError =>
  new SquadError('SQUADD_BAD_CONFIG', message, { hint })

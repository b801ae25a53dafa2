import type { Judgement } from '../judgement.ts'
import { fail, ok, size, warn } from '../judgement.ts'

type Version = readonly [major: number, minor: number]

/** What is said of a tool: its own words about its version, or null when it cannot be run. */
type Tool = { said: string | null }

function tool(name: string, least: Version, { said }: Tool): Judgement {
  const wanted = `install ${name} ${least.join('.')} or newer and have it in PATH`
  if (said === null) return fail(`${name} cannot be run`, wanted)
  const [, major = '0', minor = '0'] = /(\d+)\.(\d+)/.exec(said) ?? []
  const found = [Number(major), Number(minor)] as const
  const isEnough = found[0] > least[0] || (found[0] === least[0] && found[1] >= least[1])
  const version = found.join('.')
  return isEnough ? ok(version) : fail(`${version} is too old`, wanted)
}

/** Of the disk that has the fewest; Infinity where the filesystem does not count them. */
type Inodes = { path: string; freeFiles: number; wantedFiles: number }

const leastFiles = 256
const goodFiles = 1024
const leastProcesses = 64
const goodProcesses = 512
const fewWatchers = 8

/** The machine: its tools and its limits. */
export const machineChecks = {
  node: (facts: Tool) => tool('node', [24, 0], facts),
  tmux: (facts: Tool) => tool('tmux', [3, 2], facts),
  git: (facts: Tool) => tool('git', [2, 38], facts),

  disk({ freeBytes, wantedBytes, path }: { path: string; freeBytes: number; wantedBytes: number }) {
    const free = `${size(freeBytes)} free on the disk of ${path}`
    const limit = `below ${size(wantedBytes)} (minFreeDiskBytes) no task is given out`
    if (freeBytes < wantedBytes) return fail(free, `free space: ${limit}`)
    if (freeBytes < 4 * wantedBytes) return warn(free, `free space before it runs out: ${limit}`)
    return ok(free)
  },

  inodes({ freeFiles, wantedFiles, path }: Inodes) {
    if (!Number.isFinite(freeFiles)) return ok('this filesystem has no limit')
    const text = `${freeFiles} inodes free on the disk of ${path}`
    const limit = `below ${wantedFiles} (minFreeFiles) no task is given out`
    const fix = `remove small files, such as node_modules of worktrees that nobody needs: ${limit}`
    if (freeFiles < wantedFiles) return fail(text, fix)
    return freeFiles < 10 * wantedFiles ? warn(text, fix) : ok(text)
  },

  memory({ freeBytes, wantedBytes }: { freeBytes: number; wantedBytes: number }) {
    const text = `${size(freeBytes)} free`
    return freeBytes < wantedBytes
      ? warn(text, `below ${size(wantedBytes)} (minFreeMemoryBytes) no task is given out`)
      : ok(text)
  },

  'open-files'({ limit }: { limit: number }) {
    const text = `${limit} files may be open in one process`
    const fix = 'raise it before the start: ulimit -n 4096, or LimitNOFILE= in the unit'
    if (limit < leastFiles) return fail(text, fix)
    return limit < goodFiles ? warn(text, fix) : ok(text)
  },

  processes({ limit }: { limit: number }) {
    if (!Number.isFinite(limit)) return ok('no limit')
    const text = `you may have ${limit} processes`
    const fix = 'raise it before the start: ulimit -u 4096, or TasksMax= in the unit'
    if (limit < leastProcesses) return fail(text, fix)
    return limit < goodProcesses ? warn(text, fix) : ok(text)
  },

  inotify({ instances, used }: { instances: number; used: number }) {
    const text = `${used} of ${instances} inotify instances in use`
    const fix = 'sysctl fs.inotify.max_user_instances=1024, or end programs that watch files'
    if (used >= instances) return fail(text, fix)
    return instances - used < fewWatchers ? warn(text, fix) : ok(text)
  },

  /** `isLogin`: systemd ends what a user has left running when that user logs out. */
  linger({ isLogin, isLingering }: { isLogin: boolean; isLingering: boolean }) {
    if (!isLogin) return ok('no login session of systemd')
    if (isLingering) return ok('on: agents outlive the last logout')
    return warn('off: agents may be ended at the last logout', 'loginctl enable-linger')
  },

  cgroup({ version, isWritable }: { version: 1 | 2 | null; isWritable: boolean }) {
    if (version !== 2)
      return warn('no cgroup v2', 'boot with it: agents cannot be limited or ended as a whole')
    return isWritable
      ? ok('v2, our own group may be divided')
      : warn(
          'v2, but our group cannot be divided',
          'run squadd under a unit with Delegate=yes; without it processes are found by their environment',
        )
  },

  /** `newestAt`: the newest record of the store; a clock that went back makes tasks wait. */
  clock({ now, newestAt, builtAt }: { now: number; newestAt: number | null; builtAt: number }) {
    const fix = 'set the clock, and let it be kept (systemd-timesyncd, chrony)'
    const shown = (at: number) => new Date(at).toISOString()
    if (now < builtAt) return fail(`it says ${shown(now)}: before this squadd was made`, fix)
    if (newestAt !== null && now < newestAt - 60_000)
      return fail(`it says ${shown(now)}: before the newest record, ${shown(newestAt)}`, fix)
    return ok(shown(now))
  },

  user({ uid }: { uid: number }) {
    return uid === 0
      ? warn('root: agents may do everything to this machine', 'run squadd as a user of its own')
      : ok(`uid ${uid}`)
  },
}

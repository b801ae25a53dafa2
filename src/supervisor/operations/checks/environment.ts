import { fail, ok, some, warn } from '../judgement.ts'

/** What programs inherit. */
export const environmentChecks = {
  locale({ name }: { name: string | null }) {
    if (name !== null && /utf-?8/i.test(name)) return ok(name)
    return warn(
      name === null ? 'LC_ALL, LC_CTYPE and LANG are not set' : `${name} is not UTF-8`,
      'set LANG=C.UTF-8: programs draw their terminals wrongly without it',
    )
  },

  'time-zone'({ zone, isKnown }: { zone: string | null; isKnown: boolean }) {
    if (isKnown) return ok(zone ?? 'that of the machine')
    return warn(`TZ=${zone} is unknown: times are shown in UTC`, 'use a name such as Europe/Paris')
  },

  tmpdir({ path, problem }: { path: string; problem: string | null }) {
    if (problem === null) return ok(path)
    return fail(`${path}: ${problem}`, 'set TMPDIR to a folder that you may write to')
  },

  /** Only names: a value may hold a secret. */
  'git-environment'({ names }: { names: readonly string[] }) {
    if (names.length === 0) return ok('no variable of git is set')
    return warn(
      `${some(names)} set here: neither squadd's own git nor an agent sees them`,
      'unset them, or give one to an agent with --env NAME',
    )
  },

  /** `foreign`: tmux servers on our sockets that were started with another configuration. */
  'tmux-conf'({ servers, foreign }: { servers: number; foreign: readonly string[] }) {
    if (foreign.length === 0)
      return ok(`${servers} tmux servers of ours; ~/.tmux.conf is read by none of them`)
    return fail(
      `tmux of ${some(foreign)} runs with a configuration that is not ours`,
      'end it, then squadd agent restart NAME',
    )
  },
}

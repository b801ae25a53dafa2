import type { ErrorCode } from '../domain/error.ts'

/**
 * Where a fault can be planted. `file`: the one place that names it. `error`: what a failure there
 * looks like to its caller; null for a place where nothing can fail, only the process can die or stall.
 */
export type Failpoint = { file: string; error: ErrorCode | null }

const store = { file: 'src/supervisor/store/store.ts', error: 'SQUADD_STORE_FAILED' } as const
const commit = { file: 'src/supervisor/store/group-commit.ts', error: null } as const
const git = { file: 'src/workers/worktree.ts', error: 'SQUADD_GIT' } as const
const disk = (file: string) => ({ file: `src/workers/${file}`, error: 'SQUADD_INTERNAL' }) as const
const tmux = (file: string) => ({ file: `src/workers/${file}`, error: 'SQUADD_TMUX' }) as const

export const failpoints = {
  'store.migrate': { file: 'src/supervisor/store/open.ts', error: 'SQUADD_STORE_FAILED' },
  'store.enqueue': store,
  'store.claim': store,
  'store.record': store,
  'store.promote': store,
  'store.cancel': store,
  'store.ask_stop': store,
  'store.release': store,
  'store.retry': store,
  'store.note': store,
  'store.add_agent': store,
  'store.update_agent': store,
  'store.remove_agent': store,
  'store.forget': store,
  'store.append': store,
  'store.take_notices': store,
  'store.settle_notice': store,
  'store.give_up_notices': store,
  'store.trim_events': store,
  'store.before_commit': commit,
  'store.after_commit': commit,
  'dispatch.before_claim': { file: 'src/supervisor/dispatcher.ts', error: null },
  'dispatch.after_claim': { file: 'src/supervisor/dispatcher.ts', error: null },
  'dispatch.after_assign': { file: 'src/supervisor/dispatcher.ts', error: null },
  'record.before_answer': { file: 'src/supervisor/attempts.ts', error: null },
  'api.before_reply': { file: 'src/supervisor/api/app.ts', error: null },
  'host.fork': { file: 'src/workers/agent-process.ts', error: 'SQUADD_INTERNAL' },
  'host.clear': { file: 'src/workers/agent-clear.ts', error: 'SQUADD_CONFLICT' },
  'host.lock': { file: 'src/workers/host-lock.ts', error: 'SQUADD_CONFLICT' },
  'host.send': { file: 'src/workers/agent-main.ts', error: null },
  'worktree.check': git,
  'worktree.ensure': git,
  'worktree.remove': git,
  'worktree.release': git,
  'worktree.delete_folder': { file: 'src/workers/git-remove.ts', error: 'SQUADD_GIT' },
  'tmux.open': tmux('tmux.ts'),
  'tmux.open_window': tmux('attempt-window.ts'),
  'tmux.close_window': tmux('attempt-window.ts'),
  'launch.make_slot': disk('outbox.ts'),
  'launch.write_script': disk('launch-files.ts'),
  'launch.take_latch': disk('outbox.ts'),
  'attempt.examine': disk('attempt-evidence.ts'),
  'attempt.end_leftovers': disk('attempt-processes.ts'),
  'attempt.delete_facts': disk('outbox.ts'),
  'attempt.remove_launch': disk('launch-files.ts'),
} as const satisfies Record<string, Failpoint>

export type FailpointName = keyof typeof failpoints

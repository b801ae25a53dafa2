import type { Place, Recorded } from './program.ts'
import { hookCommand } from './program.ts'

const events = [
  'SessionStart',
  'SessionEnd',
  'UserPromptSubmit',
  'PreToolUse',
  'PostToolUse',
  'PermissionRequest',
  'Stop',
  'Interrupt',
]

const set = (key: string, value: string) => ['-c', `${key}=${value}`]

const settings = ({ outbox, tree }: Place): string[] => [
  ...events.flatMap((event) =>
    set(
      `hooks.${event}`,
      `[{hooks=[{type="command",command='''${hookCommand(outbox, event)}''',timeout=5}]}]`,
    ),
  ),
  '--dangerously-bypass-hook-trust',
  ...set('projects', `{"${tree}"={trust_level="trusted"}}`),
  ...set('check_for_update_on_startup', 'false'),
  ...set('features.daemon_auto_start', 'false'),
]

const interactive = ['-a', 'on-request', '-s', 'workspace-write']

export const codex: Recorded = {
  program: 'codex',
  version: '0.169.0',
  prepare: () => ({}),
  launch: (place) => ['codex', ...settings(place), ...interactive],
  resume: (place, session) => [
    'codex',
    'resume',
    session,
    ...settings(place),
    ...interactive,
    '-C',
    place.tree,
  ],
  headless: (place) => [
    'codex',
    'exec',
    ...settings(place),
    '-s',
    'workspace-write',
    '--json',
    '-',
  ],
  headlessResume: (place, session) => [
    'codex',
    'exec',
    ...settings(place),
    '-s',
    'workspace-write',
    'resume',
    '--json',
    session,
    '-',
  ],
  sessionOf(lines, given) {
    for (const { data } of lines) {
      const { session_id, thread_id } = (data ?? {}) as Record<string, string | undefined>
      const id = session_id ?? thread_id
      if (id !== undefined) return id
    }
    return given
  },
  ready: /› /,
  submitted: 'UserPromptSubmit',
  dialog: /Would you like to run/,
  yes: ['y'],
  no: ['Escape'],
  escape: ['Escape'],
  exit: ['C-c'],
  transcripts: '.codex/sessions/*/*/*/rollout-*.jsonl',
  padding:
    /"type":"(session_meta|turn_context|world_state|thread_settings_applied)"|"role":"developer"|<environment_context>/,
  over: (lines) =>
    lines.some(({ source, data }) => {
      const { payload } = (data ?? {}) as { payload?: { type?: string } }
      return (
        source === 'transcript' &&
        (payload?.type === 'task_complete' || payload?.type === 'turn_aborted')
      )
    }),
}

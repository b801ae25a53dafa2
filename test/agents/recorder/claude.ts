import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Recorded } from './program.ts'
import { hookCommand } from './program.ts'

const events = [
  'SessionStart',
  'SessionEnd',
  'UserPromptSubmit',
  'PreToolUse',
  'PostToolUse',
  'PostToolUseFailure',
  'PermissionRequest',
  'Notification',
  'Stop',
  'StopFailure',
  'SubagentStart',
  'SubagentStop',
]

const hook = (command: string) => [{ hooks: [{ type: 'command', command, timeout: 10 }] }]
const common = (ours: string) => [
  '--settings',
  join(ours, 'claude.json'),
  '--permission-mode',
  'acceptEdits',
]
const stream = ['-p', '--output-format', 'stream-json', '--verbose']

export const claude: Recorded = {
  program: 'claude',
  version: '2.1.330',
  prepare({ ours, outbox }) {
    const hooks = Object.fromEntries(
      events.map((event) => [event, hook(hookCommand(outbox, event))]),
    )
    writeFileSync(join(ours, 'claude.json'), JSON.stringify({ hooks }))
    return {
      CLAUDE_CODE_SANDBOXED: '1',
      CLAUDE_CODE_DISABLE_REFUSAL_RETRY: '1',
      CLAUDE_CODE_MAX_RETRIES: '2',
    }
  },
  launch: ({ ours }, session) => ['claude', ...common(ours), '--session-id', session],
  resume: ({ ours }, session) => ['claude', ...common(ours), '--resume', session],
  headless: ({ ours }, session) => ['claude', ...stream, ...common(ours), '--session-id', session],
  headlessResume: ({ ours }, session) => [
    'claude',
    ...stream,
    ...common(ours),
    '--resume',
    session,
  ],
  sessionOf: (_, given) => given,
  ready: /❯[\s\S]*(\? for shortcuts|accept edits on)/,
  submitted: 'UserPromptSubmit',
  dialog: /❯ 1\. Yes/,
  yes: ['1'],
  no: ['4'],
  escape: ['Escape'],
  exit: ['C-c', 'C-c'],
  background:
    '[[tool: Bash {"command":"sleep 5; echo over > background.txt","description":"wait","run_in_background":true}]]',
  transcripts: '.claude/projects/*/*.jsonl',
  padding:
    /"attachment":|^\{"type":"(api-request|mode|permission-mode|atis-latch|last-prompt|file-history-snapshot|tools-used)/,
  statuses: '.claude/sessions/*.json',
  over(lines) {
    const statuses = lines.flatMap(({ source, data }) =>
      source === 'status' ? [(data as { status?: string }).status] : [],
    )
    return statuses.includes('busy') && statuses.at(-1) === 'idle'
  },
}

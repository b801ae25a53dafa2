import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Recorded } from './program.ts'

const events = [
  'SessionStart',
  'SessionEnd',
  'BeforeAgent',
  'AfterAgent',
  'BeforeTool',
  'AfterTool',
  'Notification',
]

const hook = (name: string, command: string) => [
  { matcher: '*', hooks: [{ name, type: 'command', command, timeout: 10_000 }] },
]

/** The user's own sessions have the extension too: without an outbox the hook does nothing. */
const intoOutbox = (event: string) =>
  `if [ -n "$SQ_OUTBOX" ]; then t="$SQ_OUTBOX"/.t$$; cat >"$t" && mv "$t" "$SQ_OUTBOX"/${event}.$$.json; else cat >/dev/null; fi`

const common = ['gemini', '--skip-trust', '--approval-mode', 'auto_edit']

export const gemini: Recorded = {
  program: 'gemini',
  version: '0.61.0',
  prepare({ home, outbox }) {
    const folder = join(home, '.gemini/extensions/squadd')
    mkdirSync(join(folder, 'hooks'), { recursive: true })
    const manifest = { name: 'squadd', version: '1.0.0' }
    writeFileSync(join(folder, 'gemini-extension.json'), JSON.stringify(manifest))
    const hooks = Object.fromEntries(
      events.map((event) => [event, hook(`squadd-${event}`, intoOutbox(event))]),
    )
    writeFileSync(join(folder, 'hooks/hooks.json'), JSON.stringify({ hooks }))
    return { SQ_OUTBOX: outbox }
  },
  launch: (_, session) => [...common, '--session-id', session],
  resume: (_, session) => [...common, '--resume', session],
  headless: (_, session) => [...common, '--output-format', 'stream-json', '--session-id', session],
  headlessResume: (_, session) => [
    ...common,
    '--output-format',
    'stream-json',
    '--resume',
    session,
  ],
  sessionOf: (_, given) => given,
  ready: /Type your message/,
  readyHook: 'SessionStart',
  submitted: 'BeforeAgent',
  dialog: /● 1\. Allow once/,
  yes: ['Enter'],
  no: ['Escape'],
  escape: ['Escape'],
  exit: ['C-c', 'C-c'],
  transcripts: '.gemini/tmp/*/chats/*.jsonl',
  padding: /^\{"\$set":\{"lastUpdated":"[^"]*"\}\}$/,
  over: (lines, title) =>
    title.includes('Ready') && lines.some(({ name }) => name === 'BeforeAgent'),
}

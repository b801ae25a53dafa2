import { claudeEnv, claudeOptions, sayAllow, settingsFile } from './claude-options.ts'
import { claudeStatusFile, claudeTurn } from './claude-turn.ts'
import type { Place } from './launch.ts'
import type { Terminal } from './terminal.ts'
import { spaced } from './terminal.ts'

/** Events whose hooks write into the outbox; per tool call there is none, it would cost 5 ms each. */
const events = [
  'SessionStart',
  'SessionEnd',
  'UserPromptSubmit',
  'PermissionRequest',
  'Stop',
  'StopFailure',
] as const

/** Our settings are added to the user's own and never written anywhere else. */
function settings(place: Place): string {
  const hooks = events.map((event) => [event, [{ hooks: [hook(place, event)] }]])
  return JSON.stringify({ hooks: Object.fromEntries(hooks) })
}

const hook = (place: Place, event: string) => ({
  type: 'command',
  command:
    event === 'PermissionRequest' && place.spec.permission === 'auto'
      ? sayAllow()
      : place.hook(event),
  timeout: 10,
})

/** A dialog that waits for a choice: it stands at the end of the screen. */
const asked = /❯ \d\. (?![\s\S]*❯ \d\. )[\s\S]*Esc to cancel[^\n]*\s*$/

const keyFor: Record<string, string> = { yes: '1', allow: '1', no: 'Escape', deny: 'Escape' }

/** Claude Code in its terminal. */
export const claudeTerminal: Terminal = {
  launch: (place) => ({
    argv: ['claude', '--settings', `${place.folder}/${settingsFile}`, ...claudeOptions(place)],
    env: claudeEnv(place),
    files: { [settingsFile]: settings(place) },
  }),
  ready: { screen: /^❯/m, hook: 'SessionStart' },
  obstacles: [
    {
      screen: /Select login method|Please run \/login|Invalid API key/,
      cause: 'auth',
      reason: 'claude is not logged in: run claude once as this user',
    },
    {
      screen: /Do you want to use this API key\?/,
      cause: 'auth',
      reason: 'claude asks whether to use the API key: run claude once as this user and say yes',
    },
    {
      screen: /Choose the text style|Let's get started/,
      cause: 'bad_config',
      reason: 'claude was never set up: run claude once as this user',
    },
  ],
  dialog: /Esc to cancel|Enter to select|↑\/↓ to navigate|Enter to confirm/,
  input(screen) {
    const rule = /^─{20,}$/gm
    const rules = [...screen.matchAll(rule)].map(({ index }) => index)
    if (rules.length < 2) return null
    const box = screen.slice(rules.at(-2), rules.at(-1)).split('\n').slice(1).join('\n')
    return /^[❯!#]/.test(box) ? box.slice(1).trim() : null
  },
  isFree: ({ status, screen }) =>
    status ? status['status'] === 'idle' : claudeTerminal.input(screen) !== null,
  statusFile: claudeStatusFile,
  detector: claudeTurn,
  // Whatever white space stands before it, a name after a slash is a command.
  literal: (text) => (/^\s*\//.test(text) ? `\\${text.trimStart()}` : spaced(text)),
  clear: [{ press: 'C-u' }],
  interrupt: [{ press: 'Escape' }],
  answer(choice, { kind }) {
    const key = /^[1-9]$/.test(choice) ? choice : keyFor[choice.toLowerCase()]
    if (key === undefined || (kind === 'question' && key === '1' && choice !== '1')) return null
    // A key that comes before the dialog is painted is lost.
    return [
      { await: asked, withinMs: 10_000 },
      { press: key, whileShows: asked },
    ]
  },
}

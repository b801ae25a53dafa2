import { geminiHome } from './gemini-home.ts'
import type { Hooks } from './gemini-home.ts'
import { geminiEnvironment, geminiOptions } from './gemini-options.ts'
import { geminiTurn } from './gemini-turn.ts'
import type { Place } from './launch.ts'
import type { Terminal } from './terminal.ts'

const events = ['SessionStart', 'BeforeAgent', 'AfterAgent', 'Notification'] as const

/** Nothing of a request but whether it is the last one again: it may be long. */
const digest = `sed 's/"timestamp":"[^"]*"//' | cksum | sed 's/.*/{"request":"&"}/'`

const hooksOf = (place: Place): Hooks => ({
  ...Object.fromEntries(events.map((event) => [event, place.hook(event)])),
  'BeforeTool:ask_user': place.hook('BeforeTool'),
  BeforeModel: `${digest} | { ${place.hook('BeforeModel')}; }`,
})

/** Gemini CLI in its terminal. */
export const geminiTerminal: Terminal = {
  launch(place) {
    const { files, links, env } = geminiHome(place, hooksOf(place))
    return {
      argv: ['gemini', ...geminiOptions(place)],
      env: { ...geminiEnvironment(place), ...place.env, ...env },
      ...{ files, links },
    }
  },
  ready: { screen: /^ [>*!] {1,3}Type your message/m, title: /Ready/, hook: 'SessionStart' },
  obstacles: [
    {
      screen: /How would you like to authenticate|Enter Gemini API Key|Login cancelled/,
      cause: 'auth',
      reason: 'gemini is not logged in: run gemini once as this user',
    },
    {
      screen: /Gemini CLI is restarting|Do you trust the files in this folder/,
      cause: 'bad_config',
      reason: 'gemini shows a dialog at its start: run gemini once as this user',
    },
  ],
  dialog: /^│ +● 1\. .+│$/m,
  input(screen) {
    const lines = screen.split('\n')
    const rule = lines.findLastIndex((line) => /^─{20,}$/.test(line))
    const first = lines.findIndex((line, index) => index > rule && /^ [>*!] /.test(line))
    if (rule < 0 || first < 0) return null
    const box = lines.slice(first)
    const end = box.findIndex((line, index) => index > 0 && line.trim() === '')
    const text = box
      .slice(0, end < 0 ? undefined : end)
      .join('\n')
      .slice(2)
      .trim()
    return text === 'Type your message or @path/to/file' ? '' : text
  },
  isFree: ({ title, screen }) =>
    !/^[✦✋]|Working…|Action Required/.test(title) && geminiTerminal.input(screen) !== null,
  detector: geminiTurn,
  literal: (text) => withoutPopup(withoutCommand(text)),
  clear: [
    { press: 'Escape' },
    { await: /Esc again to clear/i, withinMs: 1000 },
    { press: 'Escape' },
  ],
  interrupt: [{ press: 'Escape' }],
  answer(choice) {
    const shown = { await: geminiTerminal.dialog, withinMs: 5000 }
    if (/^[1-9]$/.test(choice)) return [shown, { press: choice }]
    if (/^(yes|allow)$/i.test(choice)) return [shown, { press: '1' }]
    return /^(no|deny|cancel)$/i.test(choice) ? [shown, { press: 'Escape' }] : null
  },
}

/**
 * It trims a prompt before it looks for a command, and takes every path for one: a character without
 * width (U+2060; others it removes) stays in front. The rest are keys that it acts upon.
 */
const withoutCommand = (text: string): string =>
  /^\s*\/(?![/*])/.test(text) ? `\u2060${text}` : text.replace(/^(?=[!?#@])/, ' ')

/** After the name of a file it offers others, and Enter would take one of them. */
const withoutPopup = (text: string): string => (/@\S*$/.test(text) ? `${text} ` : text)

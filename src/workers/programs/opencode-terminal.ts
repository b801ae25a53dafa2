import { join } from 'node:path'
import { StartProblem } from '../ready.ts'
import type { Place } from './launch.ts'
import { opencodeEnvironment } from './opencode-options.ts'
import { opencodePlugin } from './opencode-plugin.ts'
import { opencodeTurn } from './opencode-turn.ts'
import type { Step, Terminal } from './terminal.ts'
import { fieldsOf } from './fields.ts'

const plugin = 'opencode-plugin.js'

/** Ours comes on top of what the user has given in the same variable. */
function environment(place: Place): Record<string, string> {
  const given = place.env['OPENCODE_CONFIG_CONTENT']
  const own = fieldsOf(given === undefined ? {} : parsed(given))
  const plugins = Array.isArray(own['plugin']) ? own['plugin'] : []
  const ours = opencodeEnvironment(place, 'ask', {
    ...own,
    plugin: [...plugins, `file://${join(place.folder, plugin)}`],
  })
  const { OPENCODE_CONFIG_CONTENT: content = '' } = ours
  return { ...ours, ...place.env, OPENCODE_CONFIG_CONTENT: content }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw new StartProblem('bad_config', 'OPENCODE_CONFIG_CONTENT of the agent is no JSON')
  }
}

const permission = /△ Permission required[\s\S]*Allow once +Allow always +Reject/
const question = /↑↓ select +enter submit +esc dismiss/

const isBar = (line: string): boolean => line.trimStart().startsWith('┃')
const isUnderBox = (line: string): boolean => line.trimStart().startsWith('╹▀▀')

const pressAt = (screen: RegExp, key: string): readonly Step[] => [
  { await: screen, withinMs: 10_000 },
  { press: key, whileShows: screen },
]

/** opencode in its terminal. */
export const opencodeTerminal: Terminal = {
  launch(place) {
    const { conversation, spec } = place
    return {
      argv: [
        'opencode',
        ...(conversation?.isBegun ? ['--session', conversation.id] : []),
        ...spec.argv,
      ],
      env: environment(place),
      files: { [plugin]: opencodePlugin(place.hookPrefix) },
    }
  },
  ready: { screen: /ctrl\+p commands/, hook: 'plugin.started' },
  obstacles: [],
  dialog: new RegExp(`${permission.source}|${question.source}`),
  input(screen) {
    const lines = screen.split('\n')
    const end = lines.findLastIndex(isUnderBox)
    // A dialog stands in the place of the box.
    if (end < 0 || lines.slice(end + 1).some(isBar)) return null
    const from = lines.slice(0, end).findLastIndex((line) => !isBar(line)) + 1
    // Beside it may stand what else it shows; the last line of it names agent and model.
    const width = lines[end]!.trimEnd().length
    const text = lines
      .slice(from, end - 1)
      .map((line) => line.slice(0, width).trimStart().slice(1).trim())
      .join('\n')
      .trim()
    return text.startsWith('Ask anything… "') ? '' : text
  },
  isFree({ screen }) {
    const lines = screen.split('\n')
    const under = lines.slice(lines.findLastIndex(isUnderBox)).join('\n')
    return !/\binterrupt\b|\[retrying /.test(under) && opencodeTerminal.input(screen) !== null
  },
  detector: opencodeTurn,
  // After a name with an @ it offers files, and Enter would take one of them.
  literal: (text) =>
    text.replace(/^(?=[^\p{L}\p{N}\s"'([{<*`])/u, ' ').replace(/(?:^|\s)@\S*$/, '$& '),
  // A line, and what divides it from the one before.
  clear: [{ press: 'C-u' }, { press: 'BSpace' }],
  // Two presses, and the second counts only once the first has been taken.
  interrupt: [
    { press: 'Escape' },
    { await: /╹▀[^╹]*again to interrupt/, withinMs: 2000 },
    { press: 'Escape' },
  ],
  answer(choice, { kind }) {
    const isYes = /^(yes|allow)$/i.test(choice)
    if (/^(no|deny|cancel)$/i.test(choice))
      return pressAt(kind === 'permission' ? permission : question, 'Escape')
    if (kind === 'question') return /^[1-9]$/.test(choice) ? pressAt(question, choice) : null
    return isYes || choice === '1' ? pressAt(permission, 'Enter') : null
  },
}

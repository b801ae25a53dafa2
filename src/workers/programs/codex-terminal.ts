import { codexTurn } from './codex-turn.ts'
import { codexOptions, setting, toml } from './codex-options.ts'
import type { Place } from './launch.ts'
import type { Step, Terminal } from './terminal.ts'

/** Events whose hooks write into the outbox; per tool call there is none, it would cost 5 ms each. */
const events = ['UserPromptSubmit', 'PermissionRequest', 'Stop', 'Interrupt'] as const

function hooks(place: Place): string[] {
  return events.flatMap((event) =>
    setting(
      `hooks.${event}`,
      `[{hooks=[{type="command",command=${toml(place.hook(event))},timeout=3}]}]`,
    ),
  )
}

/** The dialogs end the screen: the same words further up are a quotation. */
const permission =
  /Would you like to (?:run|make|send|grant)(?![\s\S]*Would you like to)[\s\S]*esc to cancel\s*$/

const pressIn = (key: string): readonly Step[] => [
  { await: permission, withinMs: 10_000 },
  { press: key, whileShows: permission },
]

/** Codex in its terminal. */
export const codexTerminal: Terminal = {
  launch(place) {
    const { conversation, spec, worktree } = place
    return {
      argv: [
        'codex',
        ...(conversation?.isBegun ? ['resume', conversation.id] : []),
        ...hooks(place),
        // Hooks that nobody has looked at in its /hooks would be left out, ours too.
        '--dangerously-bypass-hook-trust',
        ...codexOptions(place),
        // Its title says whether it works: `Ready`, `Working ⠸`, `Thinking ⠸`, `[ ! ] Action Required`.
        ...setting('tui.terminal_title', '["run-state","activity"]'),
        // Without the sandbox nothing has to be asked; `never` would refuse what asks all the same.
        ...['-a', 'on-request'],
        // Else it asks whether to go on where the conversation began.
        ...['-C', worktree],
        ...spec.argv,
      ],
      env: place.env,
    }
  },
  // Its box may be painted before a dialog covers it; the title comes after.
  ready: {
    screen: /^› (?!\d+\. )/m,
    title: /^(?:Ready|Working|Thinking|Waiting)\b|Action Required/,
  },
  greetings: [
    // An untrusted folder: nothing that it configures runs, and nothing is stored.
    { screen: /^› 1\. Open restricted\s[\s\S]*enter continue/m, press: 'Enter' },
  ],
  obstacles: [
    {
      screen: /Sign in with ChatGPT|Welcome to Codex|Provide your own API key/,
      cause: 'auth',
      reason: 'codex is not logged in: run codex once as this user',
    },
    {
      screen: /Hooks need review/,
      cause: 'bad_config',
      reason: 'codex asks for a review of hooks: run codex once as this user',
    },
  ],
  dialog: /(?:esc to (?:cancel|go back)|[Pp]ress enter to \w+|enter continue · esc back)[^\n]*\s*$/,
  input(screen) {
    const from = screen.search(/^›(?![\s\S]*^›)/m)
    if (from < 0 || codexTerminal.dialog.test(screen)) return null
    // Under the box and an empty line stands what it tells of itself.
    const [, box = ''] =
      /^›([\s\S]*?)(?:\n\s*\n(?:(?!\n\s*\n)[\s\S])*)?$/.exec(screen.slice(from).trimEnd()) ?? []
    const text = box.trim()
    return text === 'Ask Codex to do anything' ? '' : text
  },
  isFree: ({ title }) => title.trim() === 'Ready',
  detector: codexTurn,
  // A command at the beginning, a file or a skill at the end: there Enter would take its suggestion.
  literal: (text) =>
    text.replace(/^(?=[^\p{L}\p{N}\s"'([{<*`])/u, ' ').replace(/(?:^|\s)[@$]\S*$/, '$& '),
  clear: [{ press: 'C-u' }],
  interrupt: [{ press: 'Escape' }],
  answer(choice, { kind }) {
    if (kind !== 'permission') return null
    if (/^[1-9]$/.test(choice)) return pressIn(choice)
    if (/^(yes|allow)$/i.test(choice)) return pressIn('y')
    return /^(no|deny|cancel)$/i.test(choice) ? pressIn('Escape') : null
  },
}

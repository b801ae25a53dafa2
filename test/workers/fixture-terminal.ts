import { join } from 'node:path'
import type { Terminal } from '../../src/workers/programs/terminal.ts'
import type { Detector, Turn } from '../../src/workers/programs/turn.ts'
import { textOf } from '../../src/workers/programs/fields.ts'
import { ask, beginTurn, endTurn, goOn, holdsPrompt } from '../../src/workers/programs/turn.ts'

const program = join(import.meta.dirname, '../fixtures/tui.ts')

const detector: Detector<Turn> = {
  begin: (prompt) => beginTurn(prompt),
  next(turn, signal) {
    const { at } = signal
    if (signal.source === 'gone')
      return endTurn(
        turn,
        { kind: 'failed', cause: 'crashed', reason: signal.reason, text: '' },
        at,
        'process',
      )
    if (signal.source !== 'hook') return turn
    const { event, data } = signal
    if (!holdsPrompt(data['prompt'], turn.prompt)) return turn
    const text = textOf(data['answer'])
    if (event === 'submit')
      return goOn({ ...turn, conversation: 'c1' }, at, 'hook', 'it has the prompt')
    if (event === 'ask') return ask(turn, { kind: 'permission', text: 'allow?' }, at, 'hook')
    if (event === 'end')
      return endTurn(turn, { kind: 'completed', cause: null, reason: 'done', text }, at, 'hook')
    return endTurn(turn, { kind: 'interrupted', cause: null, reason: 'cut', text }, at, 'hook')
  },
}

/** The terminal of `fixtures/tui.ts`. */
export const fixtureTerminal = (log: string): Terminal => ({
  launch: (place) => ({
    argv: [process.execPath, '--disable-warning=ExperimentalWarning', program],
    env: {
      TUI_LOG: log,
      TUI_HOOKS: JSON.stringify(
        Object.fromEntries(['submit', 'ask', 'end', 'cut'].map((one) => [one, place.hook(one)])),
      ),
    },
  }),
  ready: { screen: /^ready/m },
  obstacles: [{ screen: /^never/m, cause: 'auth', reason: 'not logged in' }],
  dialog: /^allow\?/m,
  input: (screen) => /^> ?([\s\S]*)/m.exec(screen)?.[1]?.trim() ?? null,
  isFree: ({ screen }) => /^ready/m.test(screen),
  detector,
  clear: [{ press: 'C-u' }],
  interrupt: [{ press: 'Escape' }],
  answer: (choice) =>
    choice === 'yes' ? [{ press: '1' }] : choice === 'no' ? [{ press: 'Escape' }] : null,
})

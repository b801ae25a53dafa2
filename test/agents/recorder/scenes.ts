import { setTimeout as pause } from 'node:timers/promises'
import { traits } from '../traits.ts'
import type { Driver } from './driver.ts'

/** What happens in the recordings of the interactive programs; the names are the files' names. */
export const scenes: Record<string, (d: Driver) => Promise<void>> = {
  answer: (d) => turn(d, '[[delay: 1]] [[say: The answer is 42.]]'),
  write: (d) => turn(d, '[[write: note.txt|hello]] [[say: Written.]]'),
  'permission-yes': (d) => approved(d, 'touch yes.txt', '[[say: Touched.]]'),
  'permission-no': (d) => denied(d, d.program.no),
  'permission-escape': (d) => denied(d, ['Escape']),
  async question(d) {
    await d.prompt('[[ask: Which colour?]] [[say: As you like.]]')
    await d.screen(/Red/, 'dialog', 30_000)
    await pause(500)
    await d.key('Enter')
    await d.ended({ limitMs: 20_000 })
  },
  async 'escape-silent'(d) {
    await d.prompt('[[delay: 30]] [[say: Too late.]]')
    await interrupted(d, 2_000)
  },
  async 'escape-streaming'(d) {
    await d.prompt('[[drip: 100]] [[long: 2000]]')
    await interrupted(d, 3_000)
  },
  async 'escape-tool'(d) {
    await d.prompt(`${asking(d)('sleep 20')} [[say: Slept.]]`)
    await d.dialog(d.program.yes)
    await interrupted(d, 2_500)
  },
  'status-400': (d) => failing(d, '[[status: 400]]'),
  'status-401': (d) => failing(d, '[[status: 401]]'),
  'status-429': (d) => failing(d, '[[status: 429]]'),
  'status-500-twice': (d) => failing(d, '[[status: 500 x2]] [[say: At last.]]'),
  'status-529': (d) => failing(d, '[[status: 529]]'),
  'rate-limit': (d) => failing(d, '[[limit]]'),
  overflow: (d) => failing(d, '[[overflow]]'),
  'stream-drop': (d) => failing(d, '[[drop]]'),
  async hang(d) {
    await d.prompt('[[hang]]')
    await interrupted(d, 6_000)
  },
  empty: (d) => failing(d, '[[empty]]'),
  refusal: (d) => failing(d, '[[refusal]]'),
  'max-tokens': (d) => failing(d, '[[maxtok]] [[say: It was the best of]]'),
  async subagent(d) {
    await d.prompt('[[agent: ((delay: 5)) ((say: SUB-ANSWER))]] [[say: Asked.]]')
    await d.ended({ quietMs: 8_000 })
  },
  async 'background-shell'(d) {
    const { background } = d.program
    if (background === undefined) throw new Skipped('it has no such tool')
    await d.prompt(`${background} [[say: Started.]]`)
    await d.ended({ quietMs: 8_000 })
  },
  'blocking-hook': (d) => turn(d, '[[say: First.]]'),
  quoting: (d) =>
    turn(d, '[[say: It says: esc to interrupt. ❯ 1. Yes. Do you want to proceed? Allow once]]'),
  async 'two-prompts'(d) {
    await turn(d, '[[say: One.]]')
    await turn(d, '[[recall]]')
  },
  async 'prompt-while-busy'(d) {
    await d.prompt('[[delay: 5]] [[say: One.]]')
    await pause(1_500)
    await d.prompt('[[say: Two.]]', false)
    await d.ended({ quietMs: 4_000, limitMs: 30_000 })
  },
  async resume(d) {
    await turn(d, '[[say: Before.]]')
    await d.keys(d.program.exit)
    await d.gone()
    await d.launch(true)
    await turn(d, '[[recall]]')
  },
  async terminate(d) {
    await d.prompt('[[delay: 20]] [[say: Too late.]]')
    await pause(2_000)
    await d.signal('SIGTERM')
    await d.gone()
  },
  async kill(d) {
    await d.prompt('[[delay: 20]] [[say: Too late.]]')
    await pause(2_000)
    await d.signal('SIGKILL')
    await d.gone()
    await d.launch(true)
    await turn(d, '[[recall]]')
  },
}

/** The scene makes no sense for this program. */
export class Skipped extends Error {}

/** What the user's own hook sends back into the conversation. */
export const goOn = '[[id: again]] [[delay: 2]] [[say: Second.]]'

const asking = (d: Driver) => traits[d.program.program].asking

async function turn(d: Driver, text: string): Promise<void> {
  await d.prompt(text)
  await d.ended()
}

async function denied(d: Driver, keys: string[]): Promise<void> {
  await d.prompt(`${asking(d)('touch no.txt')} [[say: Not touched.]]`)
  await d.dialog(keys)
  await d.ended({ limitMs: 15_000 })
  await turn(d, '[[say: Next.]]')
}

async function interrupted(d: Driver, afterMs: number): Promise<void> {
  await pause(afterMs)
  await d.shot('working')
  await d.keys(d.program.escape)
  await d.ended({ limitMs: 20_000 })
  await d.key('C-u')
  await turn(d, '[[say: Next.]]')
}

async function approved(d: Driver, command: string, text: string): Promise<void> {
  await d.prompt(`${asking(d)(command)} ${text}`)
  await d.dialog(d.program.yes)
  await d.ended()
}

/** A turn that goes wrong: interrupted when it does not end by itself. */
async function failing(d: Driver, text: string): Promise<void> {
  await d.prompt(text)
  await d.ended({ limitMs: 45_000 })
  if (d.recording.lines.some(({ name }) => name === 'recorder-gave-up')) {
    await d.keys(d.program.escape)
    await d.ended({ limitMs: 10_000 })
    await d.key('C-u')
  }
  await turn(d, '[[say: Next.]]')
}

/** Everything random about a run, from its seed alone: the same seed is the same plan. */

/** A number in [0, 1), the next of its seed. */
export type Dice = () => number

/** mulberry32: small, and good enough to break things with. */
export function dice(seed: number): Dice {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** Weighted: the likelier one stands more often. */
export const faultNames = [
  'kill supervisor',
  'kill supervisor',
  'kill host',
  'kill host',
  'kill tmux server',
  'kill launcher',
  'kill program',
  'stop host',
  'stop supervisor',
  'stop tmux server',
  'stop program',
  'remove worktree',
  'remove outbox',
  'remove launch files',
  'remove tmux socket',
  'fill disk',
  'clock jump',
  'terminate supervisor',
  'start twice',
  'cancel task',
  'interrupt agent',
  'restart agent',
  'replace agent',
] as const
export type FaultName = (typeof faultNames)[number]

/** `pick`, `size`: in [0, 1), which of those there are, and how much. */
export type Fault = { afterMs: number; name: FaultName; pick: number; size: number }

/** Faults without end, one every 1 to 7 s. */
export function* faults(seed: number): Generator<Fault, never> {
  const roll = dice(seed)
  for (;;) {
    const afterMs = Math.round(1000 + 6000 * roll())
    const name = faultNames[Math.floor(roll() * faultNames.length)]!
    yield { afterMs, name, pick: roll(), size: roll() }
  }
}

export type Job = {
  name: string
  prompt: string
  /** Its check fails, whatever it says. */
  lies: boolean
  /** It cannot succeed. */
  fails: boolean
  timeoutMs: number
}

const behaviours: [name: string, argument: (roll: Dice) => string, weight: number][] = [
  ['work', (roll) => (3 * roll()).toFixed(2), 12],
  ['exit', (roll) => String(1 + Math.floor(100 * roll())), 3],
  ['signal', (roll) => (roll() < 0.5 ? 'KILL' : 'SEGV'), 2],
  ['hang', () => '', 2],
  ['ask', () => '', 1],
  ['flood', (roll) => String(1 + Math.floor(8 * roll())), 2],
  ['fork', (roll) => String(1 + Math.floor(6 * roll())), 2],
  ['deaf', () => '', 1],
  ['eat', (roll) => String(20 + Math.floor(60 * roll())), 1],
  ['delete', () => '', 1],
  ['dirty', () => '', 2],
  ['commit', () => '', 2],
  ['lie', () => '', 2],
]
const failing = new Set(['exit', 'signal', 'hang', 'ask', 'deaf', 'lie'])

/** Tasks without end, every kind of misbehaviour among them. */
export function* jobs(seed: number): Generator<Job, never> {
  const roll = dice(seed ^ 0x5bd1e995)
  const all = behaviours.flatMap((one) => Array.from({ length: one[2] }, () => one))
  for (let n = 0; ; n++) {
    const [behaviour, argument] = all[Math.floor(roll() * all.length)]!
    const name = `c${n}`
    yield {
      name,
      prompt: `${behaviour} ${name} ${argument(roll)}`,
      lies: behaviour === 'lie',
      fails: failing.has(behaviour),
      timeoutMs: 2000 + Math.round(4000 * roll()),
    }
  }
}

import { setTimeout as delay } from 'node:timers/promises'
import type { Cause } from '../supervisor/domain/task.ts'
import type { Terminal, TerminalFacts } from './programs/terminal.ts'

/** A program that shows no prompt in this time never will. */
const readyLimitMs = 60_000
/** How often a starting program is looked at: no event tells that its screen is ready. */
const lookMs = 100
/** An obstacle that stands this many looks will not go away by itself. */
const obstacleLooks = 5
/** A key that was pressed before the program read keys is lost: after so many looks it is pressed again. */
const greetLooks = 10

/** An interactive program could not be brought to take a prompt. */
export class StartProblem extends Error {
  readonly problem: Cause

  constructor(problem: Cause, reason: string) {
    super(reason)
    this.problem = problem
  }
}

/** What a start can be watched and helped by. */
export type StartView = {
  terminal: Terminal
  /** Takes in what has come; why it is over, or null. */
  look(): string | null
  /** Null while it has no window. */
  facts(): Promise<TerminalFacts | null>
  hasSeen(event: string): boolean
  press(key: string): Promise<void>
}

/** Resolves when the program takes a prompt. Throws StartProblem when it never will. */
export async function untilReady(view: StartView): Promise<void> {
  const { terminal } = view
  const { ready, obstacles, greetings = [] } = terminal
  const until = performance.now() + readyLimitMs
  let last = ''
  let greeted = 0
  let shown = 0
  for (; ; await delay(lookMs)) {
    const over = view.look()
    if (over !== null) throw new StartProblem('spawn_failed', withScreen(over, last))
    const facts = await view.facts()
    if (facts === null) continue
    const { screen, title } = facts
    last = screen.trim() === '' ? last : screen
    const isShown = ready.screen.test(screen) && (ready.title?.test(title) ?? true)
    const hasBegun = ready.hook === undefined || view.hasSeen(ready.hook)
    if (isShown && hasBegun && terminal.input(screen) !== null) return

    const greeting = greetings.find((one) => one.screen.test(screen))
    greeted = greeting ? greeted + 1 : 0
    if (greeting && greeted % greetLooks === 1) await view.press(greeting.press)

    const obstacle = obstacles.find((one) => one.screen.test(screen))
    shown = obstacle ? shown + 1 : 0
    if (obstacle && shown >= obstacleLooks) throw new StartProblem(obstacle.cause, obstacle.reason)
    if (performance.now() <= until) continue
    if (terminal.blank && last === '')
      throw new StartProblem(terminal.blank.cause, terminal.blank.reason)
    const reason = `it took no prompt after ${readyLimitMs / 1000} s`
    throw new StartProblem('spawn_failed', withScreen(reason, last))
  }
}

function withScreen(reason: string, screen: string): string {
  const text = screen.replaceAll(/\s+/g, ' ').trim().slice(-300)
  return text === '' ? reason : `${reason}; its screen: ${text}`
}

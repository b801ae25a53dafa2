import type { Fields } from './fields.ts'
import type { Detector, Turn, TurnEnd } from './turn.ts'
import { endTurn } from './turn.ts'

/** What a program's signals do to a turn that goes on; a source without a reaction tells nothing. */
export type Reactions<T extends Turn> = {
  begin: Detector<T>['begin']
  /** A hook before it has the prompt: only the one that says so counts. */
  taken: (turn: T, event: string, data: Fields, at: number) => T
  hook: (turn: T, event: string, data: Fields, at: number) => T
  record?: (turn: T, data: Fields, at: number) => T
  status?: (turn: T, data: Fields, at: number) => T
  title?: (turn: T, text: string, at: number) => T
  /** The time that it asked for has come; it is asked for no more. */
  clock: (turn: T, at: number) => T
  /** How it ended with its program. */
  gone: (turn: T, reason: string) => TurnEnd
}

/** The detector of a program from its reactions. A turn that has ended stays as it is. */
export function detectorOf<T extends Turn>({ begin, ...on }: Reactions<T>): Detector<T> {
  return {
    begin,
    next(turn, signal) {
      if (turn.phase === 'ended') return turn
      const { at } = signal
      switch (signal.source) {
        case 'hook':
          return on[turn.phase === 'typed' ? 'taken' : 'hook'](turn, signal.event, signal.data, at)
        case 'record':
          return on.record?.(turn, signal.data, at) ?? turn
        case 'status':
          return on.status?.(turn, signal.data, at) ?? turn
        case 'title':
          return on.title?.(turn, signal.text, at) ?? turn
        case 'clock':
          if (turn.wakeAt === null || at < turn.wakeAt) return turn
          turn.wakeAt = null
          return on.clock(turn, at)
        case 'gone':
          return endTurn(turn, on.gone(turn, signal.reason), at, 'process')
      }
    },
  }
}

const last = new Map<string, Promise<unknown>>()

/** Runs `act` when all that was asked before for the same repository has ended, well or badly. */
export function oneAtATime<T>(common: string, act: () => Promise<T>): Promise<T> {
  const turn = (last.get(common) ?? Promise.resolve()).then(act, act)
  const ended = turn.then(forget, forget)
  function forget(): void {
    if (last.get(common) === ended) last.delete(common)
  }
  last.set(common, ended)
  return turn
}

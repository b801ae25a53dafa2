/** What a tmux control client says, as far as we listen. */
export type Notice =
  /** The answer to one command of ours, in the order they were given. */
  | { kind: 'reply'; ok: boolean; lines: string[] }
  /** The command on tmux's own command line was refused. */
  | { kind: 'refused'; message: string }
  | { kind: 'window-closed'; window: string }
  /** The client has its session: now a command has something to act on. */
  | { kind: 'attached' }

type Block = { id: string; isOurs: boolean; lines: string[] }

/** Reads control mode piece by piece, wherever the pieces are cut. */
export class ControlModeReader {
  #rest = ''
  #block: Block | null = null

  read(text: string): Notice[] {
    const lines = (this.#rest + text).split('\n')
    this.#rest = lines.pop() ?? ''
    return lines.flatMap((line) => this.#line(line) ?? [])
  }

  #line(line: string): Notice | null {
    const [word, time, number, flags] = line.split(' ', 4)
    const id = `${time} ${number} ${flags}`
    if (this.#block) {
      const { isOurs, lines } = this.#block
      const isEnd = (word === '%end' || word === '%error') && id === this.#block.id
      if (!isEnd) {
        lines.push(line)
        return null
      }
      this.#block = null
      // Hooks and tmux's own command line answer too: bit 1 tells replies to us from those.
      if (isOurs) return { kind: 'reply', ok: word === '%end', lines }
      return word === '%error' ? { kind: 'refused', message: lines.join(' ') } : null
    }
    if (word === '%begin') this.#block = { id, isOurs: (Number(flags) & 1) === 1, lines: [] }
    if ((word === '%window-close' || word === '%unlinked-window-close') && time !== undefined)
      return { kind: 'window-closed', window: time }
    return word === '%session-changed' ? { kind: 'attached' } : null
  }
}

import type { AttemptKey } from '../supervisor/domain/message.ts'
import { parseAttemptKey } from '../supervisor/domain/message.ts'
import { SquadError } from '../supervisor/domain/error.ts'

declare const command: unique symbol
declare const window: unique symbol

/** A command in tmux's language. Only this file makes one, from fixed text and generated names. */
export type Command = string & { readonly [command]: true }
/** tmux's own name of a window, `@3`. */
export type WindowId = string & { readonly [window]: true }

export type Pane = { window: WindowId; name: string; pid: number }

/** The one session of an agent's tmux server. */
export const session = 'sq'

/** Where `captureScreen` leaves the text, in the folder tmux runs in. */
export const screenFile = 'screen'

export const lobby =
  "trap '' INT QUIT TSTP; echo 'No task is running. The next one opens here.'; exec sleep 2147483647"

/** tmux's configuration: a server that ends with its session and does nothing by itself. */
export const tmuxConf = `set -s exit-empty on
set -s escape-time 0
set -s set-clipboard off
set -g history-limit 500
set -g default-terminal tmux-256color
set -g default-shell /bin/sh
set -g status off
set -g remain-on-exit off
set -g allow-rename off
set -g automatic-rename off
set -g set-titles off
set -g window-size latest
set -g update-environment ''
set -g mouse off
`

/** Opens the attempt's window, shown to whoever is attached, and records what it prints. */
export const openWindow = (key: AttemptKey): Command[] => {
  const { taskId, name } = nameOf(key)
  return [
    // Both in one list: a pipe that is opened later misses the beginning.
    make(
      'new-window',
      '-t',
      `${session}:`,
      '-n',
      taskId,
      ...paneFormat('-P'),
      'sh',
      `./launch/${name}.sh`,
    ),
    make('pipe-pane', '-o', '-t', `${session}:`, `exec sh ./pipe.sh ${name}`),
  ]
}

export const closeWindow = (id: WindowId): Command => make('kill-window', '-t', id)

export const listPanes = (): Command => make('list-panes', '-s', '-t', session, ...paneFormat())

export const serverPid = (): Command => make('display-message', '-p', '#{pid}')

export const killServer = (): Command => make('kill-server')

/** Writes a window's screen into `screenFile`: on the wire its text could pass for control mode. */
export const captureScreen = (id: WindowId): Command[] => [
  make('capture-pane', '-b', 'sq', '-t', id),
  make('save-buffer', '-b', 'sq', screenFile),
  make('delete-buffer', '-b', 'sq'),
]

/** Reads the answer to `openWindow` and `listPanes`. */
export function parsePanes(lines: readonly string[]): Pane[] {
  return lines.flatMap((line) => {
    const [, id, pid, name = ''] = /^(@\d+) (\d+) (.*)$/.exec(line) ?? []
    return id === undefined ? [] : [{ window: asWindowId(id), pid: Number(pid), name }]
  })
}

/** Throws SQUADD_TMUX when the text is not tmux's name of a window. */
export function asWindowId(text: string): WindowId {
  if (/^@\d+$/.test(text)) return text as WindowId
  throw new SquadError('SQUADD_TMUX', `tmux named a window ${JSON.stringify(text)}`)
}

const paneFormat = (...before: string[]): string[] => [
  ...before,
  '-F',
  '#{window_id} #{pane_pid} #{window_name}',
]

function nameOf(key: AttemptKey): { taskId: string; name: string } {
  const parsed = parseAttemptKey(key)
  if (parsed) return { taskId: parsed.taskId, name: key }
  throw new SquadError('SQUADD_INTERNAL', `${JSON.stringify(key)} is not the key of an attempt`)
}

function make(...words: string[]): Command {
  return words.map(quote).join(' ') as Command
}

/** One word of a command line in control mode. */
function quote(word: string): string {
  if (/^[A-Za-z0-9_@%:./-]+$/.test(word)) return word
  return `"${word.replaceAll(/[\\"$]/g, '\\$&').replaceAll('\n', '\\n')}"`
}

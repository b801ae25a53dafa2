import type { AttemptKey } from '../supervisor/domain/message.ts'
import { parseAttemptKey } from '../supervisor/domain/message.ts'
import type { LaunchKey } from './hooks.ts'
import { isLaunchKey } from './hooks.ts'
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

/** Where `pasteInto` takes the text from. */
export const pasteFile = 'paste'

/** The name of the window of an interactive program. */
export const programWindow = 'program'

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

/** Opens the window of an interactive program. It stays as long as the program does. */
export const openProgram = (launch: LaunchKey): Command => {
  if (!isLaunchKey(launch))
    throw new SquadError('SQUADD_INTERNAL', `${JSON.stringify(launch)} is not the key of a start`)
  return make(
    'new-window',
    '-t',
    `${session}:`,
    '-n',
    programWindow,
    ...paneFormat('-P'),
    'sh',
    `./launch/${launch}.sh`,
  )
}

/** Puts the text of `pasteFile` into a pane as one paste; the text is in no argument. */
export const pasteInto = (id: WindowId): Command[] => [
  make('load-buffer', '-b', 'sq-in', pasteFile),
  make('paste-buffer', '-p', '-r', '-d', '-b', 'sq-in', '-t', id),
]

/** Presses one key, by tmux's name of it. */
export const pressKey = (id: WindowId, key: string): Command => {
  if (!/^[A-Za-z0-9][A-Za-z0-9-]{0,15}$/.test(key))
    throw new SquadError('SQUADD_INTERNAL', `${JSON.stringify(key)} is not a key`)
  return make('send-keys', '-t', id, key)
}

/** Whether its pane is dead or in a mode, when something last showed there (s), and its title. */
export const describePane = (id: WindowId): Command =>
  make(
    'display-message',
    '-p',
    '-t',
    id,
    '#{pane_dead} #{pane_in_mode} #{window_activity} #{pane_title}',
  )

export type PaneFacts = { isDead: boolean; isInMode: boolean; activeAt: number; title: string }

/** Reads the answer to `describePane`. */
export function parsePane([line = '']: readonly string[]): PaneFacts {
  const [, dead, mode, active, title = ''] = /^(\d*) (\d*) (\d*) ?(.*)$/.exec(line) ?? []
  const isInMode = Number(mode) > 0
  return { isDead: dead !== '0', isInMode, activeAt: Number(active) * 1000, title }
}

/** Everyone who is attached. */
export const listClients = (): Command =>
  make('list-clients', '-F', '#{client_control_mode} #{client_readonly} #{client_activity}')

/** When each person who may type last pressed a key, ms since 1970. */
export const parseTypists = (lines: readonly string[]): number[] =>
  lines.flatMap((line) => {
    const [isControl, isReadonly, at] = line.split(' ')
    return isControl === '0' && isReadonly === '0' ? [Number(at) * 1000] : []
  })

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

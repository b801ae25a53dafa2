import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { createAgent } from '../../../src/supervisor/domain/agent.ts'
import { geminiTerminal } from '../../../src/workers/programs/gemini-terminal.ts'
import type { Place } from '../../../src/workers/programs/launch.ts'

const rule = '─'.repeat(80)
const under =
  ' workspace (/directory)        sandbox        /model\n /work/tree     no sandbox     Auto'
const screen = (box: string): string =>
  `✦ An answer.\n${rule}\n auto-accept edits\n\n${box}\n\n${under}`

const dialog = `╭───────────────────────╮
│ ? Shell  touch a      │
│ Allow execution of [Shell]?   │
│                       │
│ ● 1. Allow once       │
│   2. Allow for this session   │
╰───────────────────────╯`

t.test('the text in its box is read, and that there is none', async (t) => {
  const input = (screen: string) => geminiTerminal.input(screen)
  t.equal(input(screen(' >   Type your message or @path/to/file')), '')
  t.equal(input(screen(' > one\n   two')), 'one\n   two')
  t.equal(input(screen(' > [Pasted Text: 402 lines]')), '[Pasted Text: 402 lines]')
  t.equal(input(dialog), null)
})

t.test('a dialog is told from an answer that quotes one', async (t) => {
  t.match(dialog, geminiTerminal.dialog)
  t.notMatch('✦ It says: ● 1. Allow once', geminiTerminal.dialog)
})

t.test('it is free when its title says so and its box is there', async (t) => {
  const box = screen(' >   Type your message or @path/to/file')
  const free = (title: string, screen = box) =>
    geminiTerminal.isFree({ title, screen, status: null })
  t.ok(free('◇  Ready (tree)'))
  t.notOk(free('✦  Working… (tree)'))
  t.notOk(free('✋  Action Required (tree)'))
  t.notOk(free('◇  Ready (tree)', dialog))
})

t.test('nothing at the beginning or the end of a prompt is a command', async (t) => {
  const literal = (text: string) => geminiTerminal.literal?.(text)
  t.equal(literal('/help'), '\u2060/help')
  t.equal(literal('// a comment'), '// a comment')
  t.equal(literal('!ls'), ' !ls')
  t.equal(literal('see @READ'), 'see @READ ')
  t.equal(literal('plain'), 'plain')
})

t.test('its home holds a copy of the settings, our hooks, and links to the rest', async (t) => {
  const place = placeIn(t)
  const { user } = place
  writeFileSync(
    join(user, 'settings.json'),
    '// mine\n{"ui":{"theme":"A"},"general":{"vimMode":true}}',
  )
  writeFileSync(join(user, 'oauth_creds.json'), '{}')
  mkdirSync(join(user, 'extensions/theirs'), { recursive: true })
  const { files = {}, links = {}, env } = geminiTerminal.launch(place)
  t.match(JSON.parse(files['gemini/.gemini/settings.json'] ?? ''), {
    ui: { theme: 'A', hideWindowTitle: false },
    general: { vimMode: false, enableAutoUpdate: false },
    hooksConfig: { enabled: true },
  })
  const hooks = JSON.parse(files['gemini/.gemini/extensions/squadd/hooks/hooks.json'] ?? '') as {
    hooks: Record<string, unknown>
  }
  t.ok(['SessionStart', 'BeforeAgent', 'AfterAgent'].every((event) => event in hooks.hooks))
  t.match(links, {
    'gemini/.gemini/oauth_creds.json': join(user, 'oauth_creds.json'),
    'gemini/.gemini/extensions/theirs': join(user, 'extensions/theirs'),
    'gemini/.gemini/tmp': join(user, 'tmp'),
  })
  t.notOk('gemini/.gemini/settings.json' in links)
  t.equal(env?.['GEMINI_CLI_HOME'], '/squadd/program/gemini')
})

t.test('settings that cannot be read are said to be so', async (t) => {
  const place = placeIn(t)
  writeFileSync(join(place.user, 'settings.json'), '{')
  t.throws(() => geminiTerminal.launch(place), { problem: 'bad_config', message: /settings\.json/ })
})

function placeIn(t: { teardown(end: () => void): void }): Place & { user: string } {
  const home = mkdtempSync(join(tmpdir(), 'squadd-gemini-'))
  t.teardown(() => rmSync(home, { recursive: true, force: true }))
  const user = join(home, '.gemini')
  mkdirSync(user)
  return {
    user,
    spec: createAgent({ id: 'ada', repo: '/repo', program: 'gemini' }),
    worktree: '/work/tree',
    folder: '/squadd/program',
    env: { HOME: home },
    conversation: null,
    hook: (event) => `cat >/outbox/${event}`,
    hookPrefix: '/outbox/p1.',
  }
}

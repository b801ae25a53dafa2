import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import t from 'tap'
import { createAgent } from '../../../src/supervisor/domain/agent.ts'
import { opencodePlugin } from '../../../src/workers/programs/opencode-plugin.ts'
import { opencodeTerminal } from '../../../src/workers/programs/opencode-terminal.ts'
import { hookPrefix, readHooks } from '../../../src/workers/hooks.ts'

const box = (text: string): string => `  ┃  [[an earlier prompt]]
  ┃
     The answer.
     ▣  Build · Stub model · 1.2s

  ┃
${text}
  ┃
  ┃  Build · Stub model Stub
  ╹▀▀▀▀▀▀▀▀▀▀▀▀▀▀▀▀▀▀▀▀▀▀▀▀▀▀▀▀▀▀▀▀▀
   /work/tree                         1.2K  ctrl+p commands`

const permission = `  ┃  △ Permission required
  ┃    # touch a
  ┃
  ┃   Allow once   Allow always   Reject        ctrl+f fullscreen ⇆ select enter confirm`

t.test('the text in its box is read, and that there is none', async (t) => {
  const input = (screen: string) => opencodeTerminal.input(screen)
  t.equal(input(box('  ┃')), '')
  t.equal(input(box('  ┃  Ask anything… "What is the tech stack of this project?"')), '')
  t.equal(input(box('  ┃  one\n  ┃  two')), 'one\ntwo')
  t.equal(input(permission), null)
  const side = box('  ┃').replace(
    'Build · Stub model Stub',
    (all) => `${all}                 /work/tree`,
  )
  t.equal(
    input(side.replace(/^ {2}┃$/gm, '  ┃                                          LSP')),
    '',
    'what stands beside it',
  )
  t.equal(input(`${permission}\n\n${box('  ┃')}`), '', 'an answer that quotes a dialog')
})

t.test('it is free when nothing says how to interrupt it', async (t) => {
  const free = (screen: string) => opencodeTerminal.isFree({ title: 'OC', screen, status: null })
  t.ok(free(box('  ┃')))
  t.notOk(free(box('  ┃').replace('/work/tree', '■⬝⬝⬝ esc interrupt')))
  t.ok(free(`It says: esc interrupt\n${box('  ┃')}`), 'an answer that quotes it')
  t.notOk(free(permission))
})

t.test('the configuration of the agent goes beneath ours', async (t) => {
  const launch = (env: Record<string, string>) =>
    opencodeTerminal.launch({
      spec: createAgent({ id: 'ada', repo: '/repo', program: 'opencode' }),
      worktree: '/work/tree',
      folder: '/squadd/program',
      env,
      conversation: { id: 'ses_1', isBegun: true },
      hook: (event) => event,
      hookPrefix: '/outbox/p1.',
    })
  const own = { plugin: ['theirs'], model: 'a/b', permission: { bash: 'allow' } }
  const { argv, env } = launch({ OPENCODE_CONFIG_CONTENT: JSON.stringify(own) })
  t.same(JSON.parse(env?.['OPENCODE_CONFIG_CONTENT'] ?? ''), {
    autoupdate: false,
    share: 'disabled',
    permission: { bash: 'allow' },
    model: 'a/b',
    plugin: ['theirs', 'file:///squadd/program/opencode-plugin.js'],
  })
  t.same(argv, ['opencode', '--session', 'ses_1'])
  t.throws(() => launch({ OPENCODE_CONFIG_CONTENT: '{' }), /OPENCODE_CONFIG_CONTENT/)
})

t.test('the plugin writes what it is told as signals, in their order', async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'squadd-plugin-'))
  t.teardown(() => rmSync(dir, { recursive: true, force: true }))
  const outbox = join(dir, "it's an outbox")
  mkdirSync(outbox)
  const file = join(dir, 'plugin.mjs')
  writeFileSync(file, opencodePlugin(hookPrefix(outbox, 'p1')))
  const { Squadd } = (await import(pathToFileURL(file).href)) as { Squadd: () => Promise<Plugin> }
  const plugin = await Squadd()
  await plugin['chat.message']({ sessionID: 's' }, { parts: [{ type: 'text', text: 'Do.' }] })
  const part = { type: 'text', id: 'p', sessionID: 's', messageID: 'm', text: 'Done.' }
  const info = { id: 'm', sessionID: 's', role: 'assistant', time: {}, finish: 'stop' }
  for (const [type, properties] of [
    ['message.part.updated', { part }],
    ['message.updated', { info }],
    ['message.updated', { info: { ...info, time: { completed: 1 } } }],
    ['file.edited', {}],
    ['session.idle', { sessionID: 's' }],
  ] as const)
    await plugin.event({ event: { type, properties } })
  const told = readHooks(outbox, 'p1', new Set()).map(({ signal }) => signal)
  const events = ['plugin.started', 'chat.message', 'message.updated', 'session.idle']
  t.same(
    told.map(({ event }) => event),
    events,
  )
  t.match(told[1]?.data, { input: { sessionID: 's' }, parts: [{ text: 'Do.' }] })
  t.match(told[2]?.data, { text: 'Done.', properties: { info: { finish: 'stop' } } })
  t.notOk(
    readdirSync(outbox).some((name) => name.startsWith('.')),
    'no drafts are left',
  )
  t.match(readFileSync(join(outbox, 'p1.session.idle.4.hook'), 'utf8'), 'session.idle')
})

type Plugin = {
  event(given: { event: { type: string; properties: unknown } }): Promise<void>
  'chat.message'(input: unknown, output: unknown): Promise<void>
}

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Recorded } from './program.ts'

const plugin = `import { renameSync, writeFileSync } from 'node:fs'
let n = 0
const put = (name, data) => {
  const base = process.env.SQ_OUTBOX + '/'
  const id = name + '.' + process.pid + '-' + String(n++).padStart(4, '0')
  writeFileSync(base + '.' + id, JSON.stringify(data))
  renameSync(base + '.' + id, base + id + '.json')
}
const told = /^(session|permission|question)\\./
export const Squadd = async () => ({
  event: async ({ event }) => {
    if (told.test(event.type) && !/^session\\.(updated|diff)$/.test(event.type)) put(event.type.replace('.', '_'), event)
    if (event.type === 'message.updated' && event.properties.info.role === 'assistant' && (event.properties.info.time.completed || event.properties.info.error)) put('message_updated', event)
  },
  'chat.message': async (input, output) => put('chat_message', { input, parts: output.parts }),
})
`

const headless = ['opencode', 'run', '--format', 'json']

export const opencode: Recorded = {
  program: 'opencode',
  version: '1.18.33',
  prepare({ ours, outbox }) {
    const file = join(ours, 'sq-plugin.js')
    writeFileSync(file, plugin)
    const config = {
      plugin: [`file://${file}`],
      autoupdate: false,
      share: 'disabled',
      permission: { edit: 'allow', bash: 'ask' },
    }
    return { SQ_OUTBOX: outbox, OPENCODE_CONFIG_CONTENT: JSON.stringify(config) }
  },
  launch: () => ['opencode'],
  resume: (_, session) => ['opencode', '--session', session],
  headless: () => headless,
  headlessResume: (_, session) => [...headless, '--session', session],
  sessionOf(lines, given) {
    const id = lines.map(({ data }) => /"sessionID":"(ses_\w+)"/.exec(JSON.stringify(data))?.[1])
    return id.find(Boolean) ?? given
  },
  ready: /Ask anything|\bctrl\+p commands/,
  submitted: 'chat_message',
  dialog: /Permission required/,
  yes: ['Enter'],
  no: ['Escape'],
  escape: ['Escape', 'Escape'],
  exit: ['C-c'],
  transcripts: '.none',
  padding: /^$/,
  over(lines) {
    const idle = lines.some(({ name }) => name === 'session_idle')
    const status = lines.findLast(({ name }) => name === 'session_status')?.data
    return idle && JSON.stringify(status ?? null).includes('"type":"idle"')
  },
}

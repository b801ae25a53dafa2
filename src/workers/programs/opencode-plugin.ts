/**
 * The plugin that tells us what opencode does: each event becomes a file in the outbox, named as
 * those of hooks are, whole or not at all. `prefix` is its path up to the event.
 */
export const opencodePlugin = (
  prefix: string,
): string => `import { renameSync, writeFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'

const prefix = ${JSON.stringify(prefix)}
const told = /^(session\\.(idle|error|status)|permission\\.(asked|replied)|question\\.(asked|replied|rejected))$/
const draft = join(dirname(prefix), '.' + basename(prefix))
let number = 0

function tell(event, data) {
  const name = event + '.' + ++number
  writeFileSync(draft + name, JSON.stringify(data), { mode: 0o600 })
  renameSync(draft + name, prefix + name + '.hook')
}

// The texts of the message that each session is writing.
const texts = new Map()

export const Squadd = async () => {
  tell('plugin.started', {})
  return {
    event: async ({ event }) => {
      const { part, info } = event.properties ?? {}
      if (event.type === 'message.part.updated' && part.type === 'text') {
        const before = texts.get(part.sessionID)
        const parts = before?.message === part.messageID ? before.parts : new Map()
        parts.set(part.id, part.text)
        texts.set(part.sessionID, { message: part.messageID, parts })
      } else if (event.type === 'message.updated') {
        if (info.role !== 'assistant' || !(info.time.completed || info.error)) return
        const { message, parts } = texts.get(info.sessionID) ?? {}
        const text = message === info.id ? [...parts.values()].join('\\n') : ''
        tell(event.type, { ...event, text })
      } else if (told.test(event.type)) tell(event.type, event)
    },
    'chat.message': async (input, output) => tell('chat.message', { input, parts: output.parts }),
  }
}
`

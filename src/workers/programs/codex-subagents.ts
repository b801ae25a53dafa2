import type { Fields } from './fields.ts'
import { fieldsOf, textOf } from './fields.ts'

/** Follows the subagents of a turn by a line of its record: which of them still work. */
export function followSubagents(working: Set<string>, { type, payload }: Fields, turn: string) {
  const { type: kind, item, turn_id: id } = fieldsOf(payload)
  if (type === 'event_msg' && kind === 'item_completed' && id === turn)
    onCall(working, fieldsOf(item))
  if (type === 'response_item' && isNotice(fieldsOf(payload))) onNotice(working, fieldsOf(payload))
}

/** A subagent was begun, given something to do, waited for or closed. */
function onCall(working: Set<string>, item: Fields): void {
  if (item['type'] !== 'CollabAgentToolCall') return
  for (const [id, state] of Object.entries(fieldsOf(item['agents_states'])))
    if (state === 'pending_init' || state === 'running') working.add(id)
    else working.delete(id)
}

/** Codex tells the conversation when one has ended. A quotation of it is not marked as one. */
function isNotice(payload: Fields): boolean {
  const { content_item_kinds: kinds } = fieldsOf(
    payload['internal_chat_message_metadata_passthrough'],
  )
  return Array.isArray(kinds) && kinds.includes('multi_agent.subagent_notification')
}

function onNotice(working: Set<string>, { content }: Fields): void {
  for (const part of Array.isArray(content) ? content : []) {
    const id = /"agent_path":"([^"]+)"/.exec(textOf(fieldsOf(part)['text']))?.[1]
    if (id !== undefined) working.delete(id)
  }
}

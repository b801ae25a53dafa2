import type { AgentRecord, AgentSpec } from './domain/agent.ts'
import type { NewEvent } from './domain/event.ts'
import type { Store } from './domain/ports.ts'

/** A record for a new agent; when that fails there is none. */
export async function addRecord(
  store: Store,
  spec: AgentSpec,
  { worktree, ownsBranch }: Pick<AgentRecord, 'worktree' | 'ownsBranch'>,
  events: readonly NewEvent[],
  now: number,
): Promise<AgentRecord> {
  try {
    await store.addAgent(spec, () => worktree, now)
    return await store.updateAgent(spec.id, { ownsBranch }, events, now)
  } catch (error) {
    // What answers with an error may be done all the same.
    const isOurs = store.agents().some((one) => one.spec.id === spec.id && one.createdAt === now)
    if (isOurs) await store.removeAgent(spec.id, [], now).catch(() => {})
    throw error
  }
}

/** Takes the record of an agent away; calls `gone` when it is, also if that is answered with an error. */
export async function removeRecord(
  store: Store,
  id: string,
  events: readonly NewEvent[],
  now: number,
  gone: () => void,
): Promise<void> {
  try {
    await store.removeAgent(id, events, now)
  } finally {
    if (!store.agents().some(({ spec }) => spec.id === id)) gone()
  }
}

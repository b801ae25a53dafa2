import type { Client } from '../../src/supervisor/api/client.ts'
import type { EventType, SquadEvent } from '../../src/supervisor/domain/event.ts'

type Wanted = { since?: number; is?: (event: SquadEvent) => boolean; signal?: AbortSignal }

/** The first event of a type after number `since` for which `is` holds; waits for it. */
export async function firstEvent(
  client: Client,
  type: EventType,
  { since = 0, is = () => true, signal }: Wanted = {},
): Promise<SquadEvent> {
  for await (const event of client.events({ since, ...(signal && { signal }) }))
    if (event.type === type && is(event)) return event
  throw new Error(`no ${type} came`)
}

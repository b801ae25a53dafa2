import type { Test } from 'tap'
import { execaSync } from 'execa'
import type { EventType, OrchestratorOptions, SquadEvent } from 'squadd'
import { AgentOrchestrator } from 'squadd'
import { scratchRepository } from '../examples/scratch.ts'

/** A repository that goes with the test. */
export function scratchFor(t: Test) {
  const scratch = scratchRepository()
  t.teardown(() => scratch.remove())
  const who = ['-c', 'user.name=test', '-c', 'user.email=test@localhost']
  const git = (...args: string[]): string =>
    execaSync('git', ['-C', scratch.path, ...who, ...args]).stdout
  return { ...scratch, git }
}

/** An orchestrator that ends with the test at the latest, and goes on whatever else the machine does. */
export function orchestratorFor(t: Test, options: OrchestratorOptions = {}): AgentOrchestrator {
  const orchestrator = new AgentOrchestrator({ maxLoadPerCore: 0, ...options })
  t.teardown(() => orchestrator.shutdown(0))
  return orchestrator
}

/** The next event of a type; what comes before is passed over. */
export async function nextEvent(
  events: AsyncIterator<SquadEvent, undefined>,
  type: EventType,
  to?: string,
): Promise<SquadEvent> {
  for (;;) {
    const { value, done } = await events.next()
    if (done) throw new Error(`no ${type} came`)
    if (value.type === type && (to === undefined || value.data.to === to)) return value
  }
}

// What happens, as it happens: node --conditions=squadd-source test/examples/events.ts
import { AgentOrchestrator } from 'squadd'
import { scratchRepository } from './scratch.ts'

const repo = scratchRepository()
const orchestrator = new AgentOrchestrator()

// From here on; nothing is missed between this call and the loop.
const events = orchestrator.events()
const slow = orchestrator.events({ bufferSize: 2 })
await orchestrator.addAgent({ id: 'ada', repo: repo.path })
const task = await orchestrator.distributeTask({ prompt: 'echo hello' })
for await (const { seq, type, agentId, taskId, data } of events) {
  const what = type === 'AgentStateChanged' ? [data['from'], '→', data['to']] : [taskId ?? '-']
  console.log(seq, type, agentId ?? '-', ...what)
  if (type === 'TaskCompleted') break
}
await task.result

// A reader that did not keep up is told what it has missed …
const { type, data } = (await slow.next()).value!
const from = Number(data['from'])
console.log(type, from)
await slow.return?.()
// … and can have it again: every event has a number, and the log keeps them.
for await (const { seq, type } of orchestrator.events({ since: from - 1 })) {
  console.log('again:', seq, type)
  if (seq === 3) break
}
await orchestrator.shutdown()
repo.remove()

/* It prints:
1 AgentStateChanged ada stopped → starting
2 AgentStateChanged ada starting → idle
3 AgentAdded ada -
4 TaskSubmitted - t1
5 TaskStarted ada t1
6 AgentStateChanged ada idle → running
7 TaskCompleted ada t1
EventsDropped 1
again: 1 AgentStateChanged
again: 2 AgentStateChanged
again: 3 AgentAdded
*/

// Which agents may take a task: node --conditions=squadd-source test/examples/affinity.ts
import { AgentOrchestrator } from 'squadd'
import { scratchRepository } from './scratch.ts'

const repo = scratchRepository()
const orchestrator = new AgentOrchestrator()
await orchestrator.addAgent({ id: 'ada', repo: repo.path })
await orchestrator.addAgent({ id: 'bob', repo: repo.path, labels: ['gpu', 'fast'] })

// ada is busy until the gate is opened.
const busy = await orchestrator.distributeTask({ prompt: repo.waitAtGate, affinity: ['ada'] })

// Preferred (the default): ada if it is idle, else another.
const preferred = await orchestrator.distributeTask({ prompt: 'true', affinity: ['ada'] })
await preferred.result
console.log('preferred ada:', preferred.task().agent)

// Required: ada and nobody else, however long that takes.
const required = await orchestrator.distributeTask({
  prompt: 'true',
  affinity: ['ada'],
  affinityMode: 'required',
})
// Labels: any agent that has all of them.
const labelled = await orchestrator.distributeTask({ prompt: 'true', require: ['gpu'] })
await labelled.result
console.log('labelled gpu:', labelled.task().agent)
console.log('required ada:', required.task().state)
repo.openGate()
await Promise.all([busy.result, required.result])
console.log('required ada:', required.task().state, 'by', required.task().agent)
// The same in short: on this agent and no other.
const { success } = await orchestrator.getAgent('bob').executeTask({ prompt: 'true' })
console.log('executeTask:', success)
await orchestrator.shutdown()
repo.remove()

/* It prints:
preferred ada: bob
labelled gpu: bob
required ada: ready
required ada: completed by ada
executeTask: true
*/

// What goes first: node --conditions=squadd-source test/examples/priorities.ts
import { AgentOrchestrator, createTask } from 'squadd'
import { scratchRepository } from './scratch.ts'

const repo = scratchRepository()
const orchestrator = new AgentOrchestrator()
await orchestrator.addAgent({ id: 'ada', repo: repo.path })

// ada is busy, so the others queue up, the least important first.
const first = await orchestrator.distributeTask({ prompt: repo.waitAtGate })
const tasks = []
for (const priority of ['low', 'normal', 'high', 'critical'] as const)
  tasks.push(await orchestrator.distributeTask(createTask({ prompt: 'true', priority })))
// A deadline moves a task forward as it comes near: this one is due.
const due = { prompt: 'true', priority: 'low', deadlineAt: Date.now() } as const
tasks.push(await orchestrator.distributeTask({ ...due, metadata: { due: true } }))

repo.openGate()
await first.result
await Promise.all(tasks.map((task) => task.result))
const order = tasks.map((task) => task.task()).sort((a, b) => a.startedAt! - b.startedAt!)
for (const { priority, spec } of order) console.log(priority, spec.metadata)

// Nobody starves: a task grows older in the queue, and is overtaken only by tasks that were stored
// within the difference of their patience (critical −1 h, high 1 min, normal 15 min, low 4 h).
const [oldest, newest] = [order.at(-1)!, order[0]!]
console.log('4 h and 1 h apart:', Math.round((oldest.rank - newest.rank) / 3_600_000), 'h')
await orchestrator.shutdown()
repo.remove()

/* It prints:
critical {}
low { due: true }
high {}
normal {}
low {}
4 h and 1 h apart: 5 h
*/

// Three agents share a queue. Run it: node --conditions=squadd-source test/examples/basic.ts
import { AgentOrchestrator, Instance, ManagedAgent } from 'squadd'
import { scratchRepository } from './scratch.ts'

const repo = scratchRepository()
const orchestrator = new AgentOrchestrator({ maxConcurrentTasks: 3 })

// An instance is a program in its own tmux session, git worktree and branch.
for (const title of ['ada', 'bob', 'cid']) {
  const instance = await Instance.start({ title, path: repo.path, program: 'shell' })
  await orchestrator.addAgent(new ManagedAgent(title, instance))
}
for (const { id, state } of orchestrator.listAgents()) console.log(id, state)

// A shell agent runs each prompt as a script. The handle comes once the task is stored.
const hello = await orchestrator.distributeTask({ prompt: 'echo hello', priority: 'high' })
const { success, output } = await hello.result
console.log({ id: hello.id, success, output })

// A result says what git saw; a failure is a result too.
const work = await orchestrator.distributeTask({ prompt: 'seq 3 > numbers.txt' })
const { git } = await work.result
console.log({ filesChanged: git?.filesChanged, insertions: git?.insertions })
const wrong = await orchestrator.distributeTask({ prompt: 'exit 7', metadata: { ticket: 12 } })
const { error } = await wrong.result
console.log({ error, state: wrong.task().state, metadata: wrong.task().spec.metadata })

const { totalAgents, totalTasksCompleted, totalTasksFailed } = orchestrator.getMetrics()
console.log({ totalAgents, totalTasksCompleted, totalTasksFailed })

// Worktrees go; what was not committed is kept under a git ref.
const { unstopped, rescued } = await orchestrator.shutdown(10_000)
console.log({ unstopped, rescued: rescued.length })
repo.remove()

/* It prints:
ada idle
bob idle
cid idle
{ id: 't1', success: true, output: 'hello\n' }
{ filesChanged: 1, insertions: 3 }
{ error: 'exit status 7', state: 'failed', metadata: { ticket: 12 } }
{ totalAgents: 3, totalTasksCompleted: 2, totalTasksFailed: 1 }
{ unstopped: [], rescued: 1 }
*/

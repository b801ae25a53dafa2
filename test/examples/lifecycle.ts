// Pause, resume, stop: node --conditions=squadd-source test/examples/lifecycle.ts
import { AgentOrchestrator, SquadError } from 'squadd'
import { scratchRepository } from './scratch.ts'

const repo = scratchRepository()
const orchestrator = new AgentOrchestrator()
const ada = await orchestrator.addAgent({ id: 'ada', repo: repo.path })

// Paused it takes no tasks: they wait.
await orchestrator.pauseAgent('ada')
const task = await orchestrator.distributeTask({ prompt: 'echo work > notes.txt' })
console.log('paused:', ada.state, task.task().state)
await orchestrator.resumeAgent('ada')
console.log('resumed:', (await task.result).success)

// `now` interrupts the running task, which goes back to the queue uncounted.
const long = await orchestrator.distributeTask({ prompt: repo.waitAtGate })
await ada.pause({ now: true })
console.log('paused now:', ada.state, long.task().state)
await ada.resume()
repo.openGate()
console.log('run again:', (await long.result).success, 'attempt', long.task().attempt)

// `release` lets session and worktree go; the work is committed on the branch, and comes back.
await ada.pause({ release: true })
console.log('released:', ada.state)
await ada.setState('idle')
console.log('back:', (await ada.executeTask({ prompt: 'cat notes.txt' })).output.trim())

// Stopped: no program, no tmux; the worktree stays. A state that nobody can ask for is refused.
await ada.stop()
console.log('stopped:', ada.state, ada.isHealthy())
try {
  await ada.setState('running')
} catch (error) {
  if (error instanceof SquadError) console.log(error.message)
}
// The branch has a commit, so it stays when everything else goes.
console.log(await orchestrator.shutdown())
repo.remove()

/* It prints:
paused: paused ready
resumed: true
paused now: paused ready
run again: true attempt 1
released: paused
back: work
stopped: stopped false
agent ada is stopped, not to be running; possible now: idle
{ unstopped: [], rescued: [] }
*/

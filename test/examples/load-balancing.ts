// Who gets a task: run it with node --conditions=squadd-source test/examples/load-balancing.ts
import { AgentOrchestrator } from 'squadd'
import { idleAgain, scratchRepository } from './scratch.ts'

const repo = scratchRepository()
const agents = ['ada', 'bob', 'cid']

/** Gives out four tasks, each when all agents are idle, the first one to ada; answers who had them. */
async function whoRuns(loadBalancingAlgorithm: 'round-robin' | 'least-loaded' | 'random') {
  // Loads also follow CPU and memory; here they are not sampled, so that idle agents are equal.
  const orchestrator = new AgentOrchestrator({
    loadBalancingAlgorithm,
    sampleIntervalMs: 3_600_000,
  })
  await Promise.all(agents.map((id) => orchestrator.addAgent({ id, repo: repo.path })))
  const events = orchestrator.events()
  const names: string[] = []
  for (let i = 0; i < 4; i++) {
    const affinity = i === 0 ? ['ada'] : []
    const task = await orchestrator.distributeTask({ prompt: 'true', affinity })
    await task.result
    const { agent } = task.task()
    names.push(agent!)
    await idleAgain(events, agent)
  }
  await orchestrator.shutdown()
  return names
}

// In the order of names, after the last that it chose: ada's first task was not its choice.
console.log('round-robin: ', ...(await whoRuns('round-robin')))
// The lowest load; among equals the one that has been without a task for the longest time.
console.log('least-loaded:', ...(await whoRuns('least-loaded')))
// Each as likely as the others, so all that is certain is that it is one of them.
const random = await whoRuns('random')
console.log(
  'random:      ',
  random.every((name) => agents.includes(name)),
)
repo.remove()

/* It prints:
round-robin:  ada ada bob cid
least-loaded: ada bob cid ada
random:       true
*/

// npm run flood -- --tasks N --bytes PROMPT_BYTES --json
import { parseArgs } from 'node:util'
import { Squadd } from '../support/squadd.ts'
import { flood } from './flood.ts'

const { values } = parseArgs({
  options: {
    tasks: { type: 'string', default: '100000' },
    bytes: { type: 'string', default: '5' },
    json: { type: 'boolean', default: false },
  },
})
const tasks = Number(values.tasks)
const squad = new Squadd()
try {
  // A tenth of them finds the queue full; two agents work all the while.
  squad.configure({ taskQueueSize: Math.ceil(0.9 * tasks) })
  await squad.json('start')
  for (const id of ['ada', 'bob']) await squad.json('agent', 'add', id, '--repo', squad.repo)
  const report = await flood(squad, { tasks, promptBytes: Number(values.bytes) })
  console.log(values.json ? JSON.stringify(report) : report)
} finally {
  await squad.remove()
}

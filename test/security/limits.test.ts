import t from 'tap'
import type { Task } from '../../src/supervisor/domain/task.ts'
import { Squadd } from '../support/squadd.ts'

t.setTimeout(180_000)

t.test('the programs of agents have the limits that are configured', async (t) => {
  const squad = new Squadd()
  t.teardown(() => squad.remove())
  squad.configure({
    agentMaxMemoryBytes: 300 * 1024 * 1024,
    agentMaxProcesses: 5_000,
    agentMaxFileBytes: 1_048_576,
  })
  await squad.json('start')
  await squad.json('agent', 'add', 'ada', '--repo', squad.repo)
  const run = async (script: string) => {
    const { id } = await squad.json<Task>('task', 'add', script, '--retries', '0')
    await squad.run('task', 'wait', id)
    return squad.json<Task>('task', 'show', id)
  }
  const told = await run('cat /proc/self/limits /proc/self/oom_score_adj')
  const output = told.result?.output ?? ''
  t.match(output, /^Max data size +314572800 /m)
  t.match(output, /^Max processes +5000 /m)
  t.match(output, /^Max file size +1048576 /m)
  t.match(output, /^Max core file size +0 /m, 'no picture of its memory is left behind')
  t.match(output, /^500$/m, 'where memory runs short, it ends before us')

  const large = await run('head -c 3000000 /dev/zero >large; status=$?; wc -c <large; exit $status')
  t.match(large, { state: 'failed' })
  t.match(large.result?.output, /\b1048576\b/)
  const allocate = 'const all = []; for (;;) all.push(Buffer.alloc(10_000_000, 1))'
  const greedy = await run(`exec '${process.execPath}' -e '${allocate}'`)
  t.match(greedy, { state: 'failed' }, 'it ends, the machine does not')
  t.match(await run('echo still here'), { state: 'completed' })
})

t.test('without any, they have those of the daemon', async (t) => {
  const squad = new Squadd()
  t.teardown(() => squad.remove())
  await squad.json('start')
  await squad.json('agent', 'add', 'ada', '--repo', squad.repo)
  const { id } = await squad.json<Task>('task', 'add', 'cat /proc/self/limits')
  await squad.run('task', 'wait', id)
  const { result } = await squad.json<Task>('task', 'show', id)
  t.match(result?.output, /^Max file size +unlimited /m)
  t.match(result?.output, /^Max data size +unlimited /m)
})

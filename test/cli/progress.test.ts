import { execFileSync } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { clock, progressLine } from '../../bin/progress.ts'
import { servedHome } from '../support/cli.ts'
import { Squadd } from '../support/squadd.ts'
import { Terminal } from '../support/terminal.ts'

t.test('the line says how far it is, and leaves out what there is none of', (t) => {
  t.equal(
    progressLine({ completed: 2, failed: 1, running: 2, ready: 7 }, 42_999),
    '3 of 12 done · 2 running · 1 failed · 00:42',
  )
  t.equal(progressLine({ ready: 1 }, 0), '0 of 1 done · 00:00')
  t.equal(
    progressLine({ held: 1, cancelled: 2 }, 3_723_000),
    '3 of 3 done · 2 cancelled · 1 held · 1:02:03',
  )
  t.equal(clock(-1), '00:00')
  t.end()
})

t.test(
  'who waits in a terminal sees how far it is, on one line that goes at the end',
  async (t) => {
    const { cli, squad } = await servedHome(t)
    await squad.submit(['a', 'b', 'c'].map((prompt) => ({ prompt })))
    Object.assign(squad.task('t2'), { state: 'running' })
    const lists = t.capture(squad, 'tasks', squad.tasks.bind(squad))
    const terminal = new Terminal(t, cli.home, ['task', 'wait', 't1', 't2', 't3'])
    await terminal.shows(/^0 of 3 done · 1 running · 00:/m)
    await squad.readers(4)
    t.equal(lists().length, 0, 'each task is read by itself, and not once more in a list')
    Object.assign(squad.task('t1'), { state: 'running' })
    squad.emit({ type: 'TaskStarted', taskId: 't1' })
    await terminal.shows(/^0 of 3 done · 2 running · 00:/m)
    squad.finish('t1', true)
    await terminal.shows(/^t1 completed in 5ms by a1\n1 of 3 done · 1 running · 00:/m)
    squad.finish('t2', false)
    await terminal.shows(/^t2 failed .*\n2 of 3 done · 1 failed · 00:/m)
    squad.finish('t3', true)
    const screen = await terminal.shows(/\[exit 8\]/)
    t.notMatch(screen, /of 3 done/, 'nothing of it is left')
    t.match(screen, /^t1 completed .*\nt2 failed .*\nt3 completed .*\nsquadd: /)
  },
)

t.test(
  'a task or a batch that is added and waited for shows it too, JSON stays JSON',
  async (t) => {
    const { cli, squad } = await servedHome(t)
    const plain = new Terminal(t, cli.home, ['task', 'add', 'x', '--wait'])
    await plain.shows(/^t1\n0 of 1 done · 00:/m)
    squad.finish('t1', true)
    await plain.shows(/^t1\nt1 completed in 5ms by a1\n\[exit 0\]/m)
    await squad.submit([{ prompt: 'y' }])
    const json = new Terminal(t, cli.home, ['task', 'wait', 't2', '--json'])
    await squad.readers(1)
    squad.finish('t2', true)
    const screen = await json.shows(/\[exit 0\]/)
    t.match(screen, /^\{"state":"completed"/)
    t.notMatch(screen, /done ·/)
  },
)

t.test('a drain tells for how many tasks it waits', async (t) => {
  const squad = new Squadd()
  t.teardown(() => squad.remove())
  await squad.json('start')
  await squad.json('agent', 'add', 'ada', '--repo', squad.repo)
  const gate = join(squad.dir, 'gate')
  execFileSync('mkfifo', [gate])
  await squad.json('task', 'add', `cat ${gate}`)
  const terminal = new Terminal(t, squad.home, ['stop', '--drain'])
  await terminal.shows(/^draining · 1 running · 00:/m)
  // Opens when the task reads, and then lets it end.
  await writeFile(gate, 'go\n')
  const screen = await terminal.shows(/\[exit 0\]/)
  t.match(screen, /^stopped \(pid \d+\)\n\[exit 0\]/)
})

t.test('without a terminal nothing but the results is said', async (t) => {
  const { cli, squad } = await servedHome(t)
  await squad.submit([{ prompt: 'x' }])
  squad.finish('t1', true)
  t.same(await cli.run(['task', 'wait', 't1']), {
    ...{ code: 0, signal: null, stderr: '' },
    stdout: 't1 completed in 5ms by a1\n',
  })
})

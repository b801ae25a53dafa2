import t from 'tap'
import { priorities } from '../../src/supervisor/domain/task.ts'
import { digestOf, isWhereItShouldBe, liveADay, pastTheirBound, summary } from './day.ts'

t.setTimeout(600_000)

const day = { seed: 20_000, agents: 50, tasks: 20_000, hours: 24, load: 0.85 }

t.test('a day of 50 agents and 20,000 tasks: nobody waits past its bound', async (t) => {
  const began = performance.now()
  const result = await liveADay(day)
  const { scene, tasks, waits, usedShare } = result
  t.comment(`${((performance.now() - began) / 1000).toFixed(1)} s of real time`)
  t.comment(`the agents were busy for ${(100 * usedShare).toFixed(0)} % of the day`)
  for (const line of summary(waits)) t.comment(line)
  t.equal(tasks.length, day.tasks)
  t.same(scene.laws.breaches, [], 'every law was kept')
  t.same(pastTheirBound(result), [])
  t.same(
    tasks.filter((task) => !isWhereItShouldBe(scene, task)).map(({ id }) => id),
    [],
    'every task has ended, or waits for a person',
  )
  t.ok(usedShare > 0.6, 'there was much to do')
  t.ok(
    priorities.every((priority) => waits[priority].length > 200),
    'of every priority',
  )
  await scene.close()

  const again = await liveADay({ ...day, endsAfterHours: 6 })
  t.ok(again.starts.length > day.tasks / 10)
  t.equal(digestOf(again, 6), digestOf(result, 6), 'the same seed gives the same day')
  await again.scene.close()
})

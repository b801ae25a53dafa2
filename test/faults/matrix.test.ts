import t from 'tap'
import { actionsAt } from '../../src/supervisor/failpoint/plan.ts'
import { failpoints } from '../../src/supervisor/failpoint/points.ts'
import type { FailpointName } from '../../src/supervisor/failpoint/points.ts'
import { Exercise } from './exercise.ts'

/**
 * Every failpoint with every action that is possible there, on a real squad, and the invariants after
 * each. `npm run failpoints` does all, three times; a test run the few that have told the most.
 */
const rounds = Number(process.env['ROUNDS'] ?? 1)
const only = process.env['FAILPOINT']
const isWhole = process.env['FAILPOINTS'] === 'all' || only !== undefined

const telling: Partial<Record<FailpointName, readonly string[]>> = {
  'store.claim': ['exec_then_error'],
  'store.record': ['exec_then_error'],
  'store.after_commit': ['kill9'],
  'dispatch.after_claim': ['kill9'],
  'host.send': ['kill9'],
  'launch.write_script': ['error'],
  'attempt.delete_facts': ['exec_then_error'],
}

const all = Object.fromEntries(
  (Object.keys(failpoints) as FailpointName[]).map((name) => [name, actionsAt(name)]),
)
const cells = Object.entries(isWhole ? all : telling).filter(
  ([name]) => !only || name.startsWith(only),
)

t.setTimeout(cells.length * rounds * 400_000)

const exercise = new Exercise()
t.teardown(() => exercise.close())

/** Only a new store is migrated. */
async function runAnew(name: FailpointName, action: string): Promise<string[]> {
  const fresh = new Exercise()
  try {
    return await fresh.run(name, action)
  } finally {
    await fresh.close()
  }
}

for (const [name, actions] of cells as [FailpointName, readonly string[]][])
  for (const action of actions)
    t.test(`${name} ${action}: every invariant holds`, async (t) => {
      const run = name === 'store.migrate' ? runAnew : exercise.run.bind(exercise)
      for (let round = 1; round <= rounds; round++)
        t.same(await run(name, action), [], `round ${round}`)
    })

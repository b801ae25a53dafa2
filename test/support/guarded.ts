import { mkdirSync } from 'node:fs'
import type { Test } from 'tap'
import type { Task, TaskInput } from '../../src/supervisor/domain/task.ts'
import { Disk } from './disk.ts'
import { Field } from './field.ts'
import { Invariants } from './invariants.ts'

export type Guarded = {
  field: Field
  invariants: Invariants
  /** The home's own, where one was asked for. */
  disk: Disk | null
  /** Adds a task; what is acknowledged has to stay. */
  add: (input: TaskInput) => Promise<Task>
  /** Everything has come to its end, and nothing is violated. */
  isWhole: () => Promise<void>
}

/** A squad that is not open yet and its invariants, gone after the test. */
export function fieldFor(
  t: Test,
  ...how: ConstructorParameters<typeof Field>
): { field: Field; invariants: Invariants } {
  const field = new Field(...how)
  const invariants = new Invariants(field.squad)
  t.teardown(async () => {
    invariants.close()
    await field.close()
  })
  return { field, invariants }
}

/** An open squad with its invariants, gone after the test; `diskBytes`: on a small disk of its own. */
export async function guarded(
  t: Test,
  names: readonly string[],
  { diskBytes, settings = {} }: { diskBytes?: number; settings?: Record<string, unknown> } = {},
): Promise<Guarded> {
  const field = new Field()
  const { squad } = field
  mkdirSync(squad.home, { recursive: true, mode: 0o700 })
  const disk = diskBytes === undefined ? null : new Disk(squad.home, diskBytes)
  const invariants = new Invariants(squad)
  t.teardown(async () => {
    invariants.close()
    field.client.close()
    await squad.remove(() => disk?.close())
  })
  field.configure({ minFreeDiskBytes: 0, minFreeFiles: 0, ...settings })
  await field.open(names)
  return {
    field,
    invariants,
    disk,
    async add(input) {
      const task = await field.add(input)
      invariants.acknowledge([task])
      return task
    },
    async isWhole() {
      t.same(await invariants.quiet(field.client), [], 'every invariant holds')
    },
  }
}

import { appendFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { Outputs } from '../../src/supervisor/operations/outputs.ts'
import { scratch } from '../support/api.ts'

const now = Date.now()
const minute = 60_000

t.test('a file that is old is looked at once, until something is heard of its task', async (t) => {
  const dir = scratch(t)
  const path = (name: string) => join(dir, name)
  const write = (name: string, text: string, ageMs: number) => {
    appendFileSync(path(name), text)
    const at = (now - ageMs) / 1000
    utimesSync(path(name), at, at)
  }
  const outputs = new Outputs(dir)
  const look = async () =>
    (await outputs.look(now))
      .map(({ key, bytes, names }) => `${key} ${bytes} ${names.length}`)
      .toSorted()
  write('t1-1.log.0', 'old', 60 * minute)
  write('t1-2.log.0', 'old', 60 * minute)
  write('t11-1.log.0', 'old', 60 * minute)
  write('t2-1.log.0', 'young', 5 * minute)
  writeFileSync(path('else'), 'not ours')
  t.strictSame(await look(), ['t1-1 3 1', 't1-2 3 1', 't11-1 3 1', 't2-1 5 1'])

  // That old files are not looked at again shows by what is not seen.
  for (const name of ['t1-1', 't1-2', 't11-1', 't2-1']) write(`${name}.log.0`, '+', 60 * minute)
  t.strictSame(await look(), ['t1-1 3 1', 't1-2 3 1', 't11-1 3 1', 't2-1 6 1'])
  outputs.heard('t1')
  t.strictSame(await look(), ['t1-1 4 1', 't1-2 4 1', 't11-1 3 1', 't2-1 6 1'])

  write('t11-1.log.1', 'more', 0)
  t.strictSame((await look())[2], 't11-1 8 2', 'what is new is seen at once')
  rmSync(path('t11-1.log.0'))
  rmSync(path('t1-1.log.0'))
  t.strictSame(await look(), ['t1-2 4 1', 't11-1 4 1', 't2-1 6 1'], 'and what is gone')
})

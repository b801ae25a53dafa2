import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { stopReasons } from '../../src/supervisor/domain/task.ts'
import { readMemo, readStop, writeStop } from '../../src/workers/launch-files.ts'
import { scratch } from '../support/api.ts'

t.test('what a full disk or a crash left half is as good as nothing', (t) => {
  const dir = scratch(t)
  const key = 't1-1'
  mkdirSync(join(dir, 'launch'))
  t.equal(readStop(dir, key), null)
  for (const reason of stopReasons) {
    writeStop(dir, key, reason)
    t.equal(readStop(dir, key), reason)
  }
  for (const torn of ['', 'timed', 'timed_out\0']) {
    writeFileSync(join(dir, 'launch', `${key}.stop`), torn)
    t.equal(readStop(dir, key), null, JSON.stringify(torn))
    writeFileSync(join(dir, 'launch', `${key}.memo`), torn)
    t.equal(readMemo(dir, key), null)
  }
  t.end()
})

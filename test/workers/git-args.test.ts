import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { asObjectId, emptyTree } from '../../src/workers/git-args.ts'
import { git } from '../../src/workers/git-run.ts'
import { atFolder } from '../../src/workers/git-view.ts'
import { commitAll } from './agent.ts'

t.test('only the name of an object is taken for one', async (t) => {
  const whole = 'ab'.repeat(20)
  for (const name of [whole, 'ab'.repeat(32), emptyTree]) t.equal(asObjectId(name), name)
  for (const name of ['', '-p', 'HEAD', whole.slice(1), `${whole}\n`, `--${whole.slice(2)}`])
    t.throws(() => asObjectId(name), { code: 'SQUADD_GIT' }, JSON.stringify(name))
})

t.test('text from elsewhere is an argument only behind the end of the options', async (t) => {
  const dir = t.testdir()
  execFileSync('git', ['init', '-q', dir])
  commitAll(dir, 'first')
  const at = atFolder(dir)
  const canary = join(dir, 'canary')
  const text: string = '--output=canary'
  t.equal(await git(['log', '--', text], at), '')
  t.notOk(existsSync(canary))
  // The compiler refuses each of these; were one allowed, that would be an error of the check.
  const refused = [
    // @ts-expect-error -- a text could be an option
    () => git(['log', text], at),
    // @ts-expect-error -- so could what begins with one
    () => git(['log', `${text}2`], at),
    // @ts-expect-error -- or any of many
    () => git(['log', ...text.split(' ')], at),
  ]
  for (const call of refused) await call()
  t.ok(existsSync(canary), 'and git takes it for one')
})

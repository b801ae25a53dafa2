import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { chosenPrograms } from './home.ts'
import { outside } from './namespace.ts'
import { asNobody, whyNotNobody } from './nobody.ts'

t.setTimeout(3_600_000)

const skip = outside() || (whyNotNobody() ?? false)
const script = join(import.meta.dirname, 'non-root.ts')

for (const program of chosenPrograms())
  t.test(`${program}: all of it as a user who is not root`, { skip }, async (t) => {
    const dir = mkdtempSync(join(tmpdir(), 'squadd-nobody-'))
    t.teardown(() => rmSync(dir, { recursive: true, force: true }))
    const [file = '', ...args] = asNobody(dir, script, program)
    await t.spawn(file, args, { timeout: 1_200_000 }, program)
  })

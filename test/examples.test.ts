import { globSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { execa } from 'execa'
import t from 'tap'

const files = globSync(join(import.meta.dirname, 'examples/*.ts')).filter(
  (file) => basename(file) !== 'scratch.ts',
)

t.jobs = 2
t.ok(files.length >= 8, 'there is an example of every feature')

for (const file of files)
  t.test(
    `the example ${basename(file)} prints what it says, and leaves nothing behind`,
    async (t) => {
      const [, expected] = /\n\/\* It prints:\n(.*)\*\/\n$/s.exec(readFileSync(file, 'utf8')) ?? []
      const folder = mkdtempSync(join(tmpdir(), 'squadd-'))
      t.teardown(() => rmSync(folder, { recursive: true, force: true }))
      const flags = ['--conditions=squadd-source', '--disable-warning=ExperimentalWarning']
      const { stdout, stderr } = await execa(process.execPath, [...flags, file], {
        env: { TMPDIR: folder },
        timeout: 100_000,
        stripFinalNewline: false,
      })
      t.equal(stdout, expected)
      t.equal(stderr, '')
      t.same(readdirSync(folder), [])
    },
  )

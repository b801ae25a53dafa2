// npm run bench -- [names] [--json]: measures squadd against named alternatives, all in one run.
import { existsSync, globSync } from 'node:fs'
import { basename, join } from 'node:path'
import { execa } from 'execa'
import type { Bench, Row } from './row.ts'

const here = import.meta.dirname
const known = globSync(join(here, '*.bench.ts')).map((file) => basename(file, '.bench.ts'))
const asked = process.argv.slice(2)
const names = asked.filter((word) => word !== '--json')
const wrong = names.find((name) => !known.includes(name))
if (wrong !== undefined) {
  console.error(`there is no bench ${JSON.stringify(wrong)}; there is: ${known.join(', ')}`)
  process.exit(2)
}

// What squadd is compared with is no part of it: it is installed here, the first time.
if (!existsSync(join(here, 'node_modules')))
  await execa('npm', ['ci', '--no-audit', '--no-fund'], { cwd: here, stdout: 2, stderr: 2 })

const rows: Row[] = []
for (const name of names.length > 0 ? names : known) {
  const { bench } = (await import(`./${name}.bench.ts`)) as { bench: Bench }
  rows.push(...(await bench()))
}
if (asked.includes('--json')) console.log(JSON.stringify(rows, null, 2))
else for (const row of rows) console.log(line(row))
process.exitCode = rows.every((row) => row.pass) ? 0 : 1

function line({ name, ours, theirs, unit, ratio, budget, pass }: Row): string {
  const figures = `${ours} : ${theirs} ${unit}`.padEnd(28)
  return `${pass ? 'ok  ' : 'MISS'} ${name.padEnd(52)} ${figures} ${ratio} (${budget})`
}

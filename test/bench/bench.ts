// npm run bench -- [names] [--quick] [--json] [--report]: measures squadd against named alternatives,
// all in one run. --report writes what it found to docs/performance.md; with names, these chapters alone.
import { existsSync, globSync, readFileSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { parseArgs } from 'node:util'
import { execa } from 'execa'
import { machine } from './report/machine.ts'
import type { Chapter } from './report/page.ts'
import { page, renewed } from './report/page.ts'
import { plot } from './report/plot.ts'
import type { Bench, Row } from './row.ts'

type Module = { bench: Bench; about?: string }

const here = import.meta.dirname
const known = globSync(join(here, '*.bench.ts')).map((file) => basename(file, '.bench.ts'))
const flag = { type: 'boolean', default: false } as const
const { values: asked, positionals: names } = parseArgs({
  options: { quick: flag, json: flag, report: flag },
  allowPositionals: true,
})
const wrong = names.find((name) => !known.includes(name))
if (wrong !== undefined) {
  console.error(`there is no bench ${JSON.stringify(wrong)}; there is: ${known.join(', ')}`)
  process.exit(2)
}
if (asked.quick) process.env['BENCH_QUICK'] = '1'
// A disk, where it counts what is durable: /tmp is in memory on many machines.
const disk = process.env['BENCH_DIR'] ?? '/var/tmp'
process.env['TMPDIR'] = disk

// What squadd is compared with is no part of it: it is installed here, the first time.
if (!existsSync(join(here, 'node_modules')))
  await execa('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund'], {
    cwd: here,
    stdout: 2,
    stderr: 2,
  })

const chapters: Chapter[] = []
for (const name of names.length > 0 ? names : known) {
  const start = performance.now()
  const { bench, about = '' } = (await import(`./${name}.bench.ts`)) as Module
  const rows = await bench()
  chapters.push({ name, about, rows })
  for (const row of rows) (asked.json ? console.error : console.log)(line(row))
  console.error(`${name}: ${((performance.now() - start) / 1000).toFixed(0)} s`)
}
const rows = chapters.flatMap((chapter) => chapter.rows)
if (asked.report) {
  const docs = join(here, '../../docs')
  const file = join(docs, 'performance.md')
  if (names.length > 0) {
    for (const chapter of chapters)
      writeFileSync(file, renewed(readFileSync(file, 'utf8'), chapter, machine(disk).slice(0, 2)))
  } else {
    writeFileSync(file, page(chapters, machine(disk)))
    writeFileSync(join(docs, 'performance.svg'), plot(rows))
  }
}
if (asked.json) console.log(JSON.stringify(rows, null, 2))
process.exitCode = rows.every((row) => row.pass) ? 0 : 1

function line({ name, ours, theirs, unit, ratio, spread, budget, pass }: Row): string {
  const figures = `${ours} : ${theirs} ${unit}`.padEnd(28)
  const ratios = `${ratio} [${spread.join(' - ')}]`.padEnd(24)
  return `${pass ? 'ok  ' : 'MISS'} ${name.padEnd(60)} ${figures} ${ratios} ${budget}`
}

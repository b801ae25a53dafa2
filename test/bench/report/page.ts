import type { Row } from '../row.ts'

export type Chapter = { name: string; about: string; rows: Row[] }

/** The report as Markdown. */
export function page(chapters: readonly Chapter[], where: readonly string[]): string {
  const rows = chapters.flatMap((chapter) => chapter.rows)
  const missed = rows.filter(({ pass }) => !pass)
  const judged = rows.filter(({ budget }) => budget !== 'none')
  return [
    '# Performance',
    '',
    'Written by `npm run bench -- --report`, which measures everything here again: squadd as it is',
    'installed, and what it is compared with, by turns in one run on one machine. Needed beside Node are',
    'tmux, git, `redis-server` and PostgreSQL (`apt-get install redis-server postgresql`), and a disk under',
    '`/var/tmp` (`BENCH_DIR` names another). One bench alone: `npm run bench -- queue`.',
    '',
    'Absolute figures are those of this machine; what carries over are the ratios, ours to theirs. Each is',
    'the median of rounds measured next to each other, the spread where the middle half of them lie. A budget says what',
    `has to hold. ${count(judged.length - missed.length, judged.length)}`,
    '',
    ...where.map((line) => `- ${line}`),
    '',
    ...chapters.flatMap(chapterLines),
    '',
  ].join('\n')
}

/** The page with one chapter measured anew; throws when it has no such chapter, or one with a plot. */
export function renewed(text: string, chapter: Chapter, where: readonly string[]): string {
  const start = text.indexOf(`\n## ${chapter.name}\n`) + 1
  const end = text.indexOf('\n## ', start)
  const old = text.slice(start, end < 0 ? undefined : end)
  if (start === 0 || old.includes('.svg'))
    throw new Error(`${chapter.name} cannot be measured anew without the others`)
  const about = `${chapter.about.trim()}\n\nMeasured later than the rest: ${where.join('; ')}.`
  const lines = chapterLines({ ...chapter, about })
    .join('\n')
    .trimEnd()
  const page = text.replace(old, () => `${lines}\n`)
  const [holds, missed] = [/\| holds \|$/gm, /\| \*\*missed\*\* \|$/gm].map(
    (verdict) => page.match(verdict)?.length ?? 0,
  ) as [number, number]
  return page.replace(/\d+ of \d+ budgets hold here\./, count(holds, holds + missed))
}

const count = (held: number, all: number): string => `${held} of ${all} budgets hold here.`

function chapterLines({ name, about, rows }: Chapter): string[] {
  const hasPlot = rows.some(({ point }) => point)
  return [
    `## ${name}`,
    '',
    about.trim(),
    '',
    '| ours : theirs | ours | theirs | unit | ratio | spread | budget | |',
    '|---|---:|---:|---|---:|---|---|---|',
    ...rows.map(rowLine),
    '',
    ...(hasPlot ? ['![The ratios over the sizes](performance.svg)', ''] : []),
  ]
}

function rowLine({ name, ours, theirs, unit, ratio, spread, budget, pass }: Row): string {
  const verdict = budget === 'none' ? '' : pass ? 'holds' : '**missed**'
  const [low, high] = spread
  const budgetText = budget === 'none' ? '' : budget
  return `| ${name} | ${ours} | ${theirs} | ${unit} | ${ratio} | ${low} to ${high} | ${budgetText} | ${verdict} |`
}

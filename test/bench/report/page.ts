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
    `has to hold. ${judged.length - missed.length} of ${judged.length} budgets hold here.`,
    '',
    ...where.map((line) => `- ${line}`),
    '',
    ...chapters.flatMap(chapterLines),
    '',
  ].join('\n')
}

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

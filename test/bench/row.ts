/** One claim and what was measured: `ratio` is ours / theirs. */
export type Row = {
  name: string
  ours: number
  theirs: number
  unit: string
  ratio: number
  /** What the ratio has to be, such as `>= 0.9`. */
  budget: string
  pass: boolean
}

/** A bench: measures everything in one run, candidates by turns. */
export type Bench = () => Promise<Row[]>

export type Budget = { atLeast: number } | { atMost: number }

/** A row of pairs that were measured next to each other; the ratio is the median of theirs. */
export function row(
  name: string,
  unit: string,
  pairs: readonly { ours: number; theirs: number }[],
  budget: Budget,
): Row {
  const ratio = rounded(median(pairs.map(({ ours, theirs }) => ours / theirs)))
  const isLeast = 'atLeast' in budget
  return {
    name,
    ours: rounded(median(pairs.map(({ ours }) => ours))),
    theirs: rounded(median(pairs.map(({ theirs }) => theirs))),
    unit,
    ratio,
    budget: isLeast ? `>= ${budget.atLeast}` : `<= ${budget.atMost}`,
    pass: isLeast ? ratio >= budget.atLeast : ratio <= budget.atMost,
  }
}

export function median(numbers: readonly number[]): number {
  const sorted = numbers.toSorted((a, b) => a - b)
  const half = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[half]! : (sorted[half - 1]! + sorted[half]!) / 2
}

/** Three digits are enough to tell. */
const rounded = (number: number): number => Number(number.toPrecision(3))

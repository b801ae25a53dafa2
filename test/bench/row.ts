/** One claim and what was measured: `ratio` is ours / theirs. */
export type Row = {
  name: string
  ours: number
  theirs: number
  unit: string
  ratio: number
  /** The ratios of the middle half of the rounds lie between these. */
  spread: [number, number]
  /** What has to hold, such as `ratio >= 0.9` or `ours <= 15 ms`. */
  budget: string
  pass: boolean
  /** Its place in a series over sizes. */
  point?: { series: string; x: number }
}

/** A bench: measures everything in one run, candidates by turns. */
export type Bench = () => Promise<Row[]>

/** All that is given has to hold; nothing given: the row is there to compare. */
export type Budget = {
  /** Of the ratio. */
  atLeast?: number
  atMost?: number
  /** Of ours alone, in the unit of the row. */
  limit?: number
}

type Pair = { ours: number; theirs: number }

/** A row of pairs that were measured next to each other; the ratio is the median of theirs. */
export function row(name: string, unit: string, pairs: readonly Pair[], budget: Budget): Row {
  const ratios = pairs.map(({ ours, theirs }) => ours / theirs)
  const ratio = rounded(median(ratios))
  const ours = rounded(median(pairs.map((pair) => pair.ours)))
  const { atLeast, atMost, limit } = budget
  const parts = [
    atLeast === undefined ? [] : [{ text: `ratio >= ${atLeast}`, holds: ratio >= atLeast }],
    atMost === undefined ? [] : [{ text: `ratio <= ${atMost}`, holds: ratio <= atMost }],
    limit === undefined ? [] : [{ text: `ours <= ${limit} ${unit}`, holds: ours <= limit }],
  ].flat()
  return {
    name,
    ours,
    theirs: rounded(median(pairs.map(({ theirs }) => theirs))),
    unit,
    ratio,
    spread: [rounded(percentile(ratios, 0.25)), rounded(percentile(ratios, 0.75))],
    budget: parts.map(({ text }) => text).join(', ') || 'none',
    pass: parts.every(({ holds }) => holds),
  }
}

export const median = (numbers: readonly number[]): number => {
  const sorted = numbers.toSorted((a, b) => a - b)
  const half = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[half]! : (sorted[half - 1]! + sorted[half]!) / 2
}

/** The number that `share` of all are not above: 0.99 for p99. */
export function percentile(numbers: readonly number[], share: number): number {
  const sorted = numbers.toSorted((a, b) => a - b)
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)]!
}

/** Three digits are enough to tell. */
const rounded = (number: number): number => Number(number.toPrecision(3))

type Scale = readonly [from: number, unit: string][]

const thousands: Scale = [
  [1e9, ' B'],
  [1e6, ' M'],
  [1e3, ' K'],
  [0, ''],
]
const bytes: Scale = [
  [2 ** 40, ' TiB'],
  [2 ** 30, ' GiB'],
  [2 ** 20, ' MiB'],
  [2 ** 10, ' KiB'],
  [0, ' B'],
]
const seconds: Scale = [
  [86_400, ' d'],
  [3600, ' h'],
  [60, ' min'],
  [1, ' s'],
  [1e-3, ' ms'],
  [0, ' µs'],
]

/** A value as Grafana would write it, near enough. */
export function format(value: number, unit: string): string {
  if (unit === 's') return value === 0 ? '0 s' : scaled(value, seconds)
  if (unit === 'bytes') return scaled(value, bytes)
  if (unit === 'percentunit') return `${Number((value * 100).toFixed(value < 0.01 ? 2 : 1))} %`
  if (unit === 'currencyUSD') return `$${value.toFixed(value < 10 ? 2 : 1)}`
  if (unit === 'dateTimeFromNow') return `${scaled(Date.now() / 1000 - value / 1000, seconds)} ago`
  const plain = scaled(value, thousands)
  return unit.startsWith('suffix:') ? `${plain}${unit.slice('suffix:'.length)}` : plain
}

/** The step between lines of an axis that goes up to `max`: 1, 2 or 5 of the unit's own size. */
export function stepOf(max: number, unit: string): number {
  const scale = unit === 's' ? seconds : unit === 'bytes' ? bytes : []
  const size = scale.find(([from]) => max >= from * 2)?.[0] || (unit === 's' ? 1e-6 : 1)
  const rough = max / size / 4
  const power = 10 ** Math.floor(Math.log10(rough))
  const step = [1, 2, 5, 10].map((one) => one * power).find((one) => one >= rough) ?? rough
  return step * size
}

function scaled(value: number, scale: Scale): string {
  const [from, name] = scale.find(([least]) => Math.abs(value) >= least) ?? [1, '']
  const size = from || (name === ' µs' ? 1e-6 : 1)
  return `${short(value / size)}${name}`
}

const short = (value: number): string =>
  Number(value.toPrecision(Math.abs(value) >= 100 ? 4 : 3)).toString()

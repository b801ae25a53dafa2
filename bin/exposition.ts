export type Sample = { name: string; labels: Record<string, string>; value: number | string }

const sample = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)/
const label = /([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)"/g
const escapes: Record<string, string> = { n: '\n', '\\': '\\', '"': '"' }

/** The samples of metrics in Prometheus' text format; what is no number stays text: `NaN`, `+Inf`. */
export function parseExposition(text: string): Sample[] {
  return text.split('\n').flatMap((line) => {
    const [, name, labels = '', value = ''] = sample.exec(line) ?? []
    if (name === undefined) return []
    const pairs = [...labels.matchAll(label)].map(([, key = '', raw = '']) => [
      key,
      raw.replace(/\\(.)/g, (_, char: string) => escapes[char] ?? char),
    ])
    const number = Number(value)
    return [
      { name, labels: Object.fromEntries(pairs), value: Number.isFinite(number) ? number : value },
    ]
  })
}

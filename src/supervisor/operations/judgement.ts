/** What a check says: how it is, and what to do when it is not well. */
export type Judgement =
  | { status: 'ok'; detail: string; fix: null }
  /** It works, but not for long or not as well as it could. */
  | { status: 'warn'; detail: string; fix: string }
  /** It does not work, or data is in danger. */
  | { status: 'fail'; detail: string; fix: string }

export const ok = (detail: string): Judgement => ({ status: 'ok', detail, fix: null })
export const warn = (detail: string, fix: string): Judgement => ({ status: 'warn', detail, fix })
export const fail = (detail: string, fix: string): Judgement => ({ status: 'fail', detail, fix })

const shown = 5

/** Names on one line: the first few, and how many more there are. */
export function some(names: readonly string[]): string {
  const more = names.length - shown
  return names.slice(0, shown).join(', ') + (more > 0 ? ` and ${more} more` : '')
}

const units = ['bytes', 'KiB', 'MiB', 'GiB', 'TiB']

export function size(bytes: number): string {
  const step = Math.min(units.length - 1, Math.max(0, Math.floor(Math.log2(bytes || 1) / 10)))
  return `${Number((bytes / 1024 ** step).toFixed(1))} ${units[step]}`
}

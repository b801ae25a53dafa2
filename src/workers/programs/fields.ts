/** The values of a JSON object that another program wrote: anything may be anything. */
export type Fields = Readonly<Record<string, unknown>>

export const textOf = (value: unknown): string => (typeof value === 'string' ? value : '')
export const numberOf = (value: unknown): number =>
  typeof value === 'number' && Number.isFinite(value) ? value : 0
export const fieldsOf = (value: unknown): Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : {}
/** The objects of a list; none where it is no list. */
export const objectsOf = (value: unknown): Fields[] =>
  Array.isArray(value) ? value.map(fieldsOf) : []

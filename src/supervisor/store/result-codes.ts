/** What SQLite answers when it could not, by kind: sqlite.org/rescode.html. */
export const resultCodes = {
  busy: 5,
  readOnly: 8,
  ioError: 10,
  corrupt: 11,
  full: 13,
  cantOpen: 14,
  notADb: 26,
} as const

/** The low byte of a code is its kind, the rest says more. */
export const kindOfCode = (errcode: number): number => errcode & 0xff

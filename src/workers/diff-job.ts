import { diffOf } from './git-diff.ts'

/** What is to be compared with what. */
export type DiffOrder = { path: string; base: string }

/** Makes a diff on a worker thread: git's lists of a large repository are long to read. */
export const diffJob = ({ path, base }: DiffOrder): Promise<Uint8Array> => diffOf(path, base)

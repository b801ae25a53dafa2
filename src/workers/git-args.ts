import { show, SquadError } from '../supervisor/domain/error.ts'

declare const object: unique symbol

/** The name of a git object, in hex: git can take it for nothing else. */
export type ObjectId = string & { readonly [object]: true }

/** Throws SQUADD_GIT for anything else. */
export function asObjectId(text: string): ObjectId {
  if (/^(?:[0-9a-f]{40}|[0-9a-f]{64})$/.test(text)) return text as ObjectId
  throw new SquadError('SQUADD_GIT', `${show(text)} is not the name of an object`)
}

/** What git calls a tree without files. */
export const emptyTree = asObjectId('4b825dc642cb6eb9a060e54bf8d69288fbee4904')

/** Text written here, or beginning with such: other text could be an option, and is `never`. */
type Ours<S> = S extends ObjectId
  ? S
  : string extends S
    ? never
    : S extends `${infer First}${string}`
      ? string extends First
        ? never
        : S
      : S

/** The arguments of one git call: ours; whatever else there is only behind `--` or `--end-of-options`. */
export type GitArgs<A extends readonly string[]> = A extends readonly [
  '--' | '--end-of-options',
  ...string[],
]
  ? A
  : A extends readonly [infer First, ...infer Rest extends readonly string[]]
    ? readonly [Ours<First>, ...GitArgs<Rest>]
    : readonly Ours<A[number]>[]

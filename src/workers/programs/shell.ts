import type { Program } from './program.ts'

/** Each prompt is a script for `sh`. */
export const shell: Program = {
  name: 'shell',
  executable: 'sh',
  launch: (_place, _order, promptFile) => ({ argv: ['sh', promptFile], stdin: null }),
}

import type { Program } from './program.ts'
import { judgeExit } from './program.ts'

/** Each prompt is a script for `sh`. */
export const shell: Program = {
  name: 'shell',
  launch: (_spec, _order, promptFile) => ({ argv: ['sh', promptFile], stdin: null }),
  judge: judgeExit,
}

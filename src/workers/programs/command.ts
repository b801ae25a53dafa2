import { invalid } from '../../supervisor/domain/error.ts'
import type { Program } from './program.ts'

const placeholder = '{prompt}'
/** The kernel's limit of one argument, its closing NUL included. */
const longestArgument = 131_072

/** Any program: the prompt takes the place of `{prompt}` in its arguments, else it is its input. */
export const command: Program = {
  name: 'command',
  executable: null,
  launch({ spec }, { prompt }, promptFile) {
    if (!spec.argv.some((part) => part.includes(placeholder)))
      return { argv: spec.argv, stdin: promptFile }
    if (prompt.includes('\0'))
      throw invalid('prompt', prompt, 'holds a NUL byte', `remove it, or leave ${placeholder} out`)
    const argv = spec.argv.map((part) => part.replaceAll(placeholder, () => prompt))
    const longest = Math.max(...argv.map((part) => Buffer.byteLength(part)))
    if (longest >= longestArgument)
      throw invalid(
        'prompt',
        prompt,
        `makes an argument of ${longest} bytes, the limit is ${longestArgument - 1}`,
        `leave ${placeholder} out of the command: then the prompt is its standard input`,
      )
    return { argv, stdin: null }
  },
}

import { invalid } from '../../src/supervisor/domain/error.ts'

/** Control characters of a program are not let loose on a person's terminal. */
export function refuseTerminal(): void {
  if (process.stdout.isTTY)
    throw invalid('--raw', true, 'is not for a terminal', 'redirect it to a file or a program')
}

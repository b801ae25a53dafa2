import { sanitizeTerminal } from '../supervisor/domain/text.ts'

/**
 * Terminal output as plain text: what a person's terminal may show of it, with LF for CR LF, and for
 * a lone CR too, so that each state of a progress line is its own line.
 */
export const stripTerminal = (text: string): string =>
  sanitizeTerminal(text.replace(/\r+\n|\r/g, '\n'))

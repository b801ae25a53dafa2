/* oxlint-disable no-control-regex -- control characters are what this is about */

// A string sequence (OSC, DCS, SOS, PM, APC) ends at its terminator, or with the line: an unfinished
// one must not swallow what follows.
const stringSequence =
  /(?:\x1b[\]PX^_]|[\x9d\x90\x98\x9e\x9f])[^\x07\x1b\x9c\n]*(?:\x07|\x1b\\|\x9c)?/g
const controlSequence = /(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]?/g
const escapeSequence = /\x1b[ -/]*[0-~]?/g
// C0 but \n and \t, DEL, C1, other ends of lines, what turns the direction of text, halves of
// characters, and what is not seen: soft hyphen, zero-width spaces, invisible operators and tags.
const unsafe =
  /[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\u{e0000}-\u{e007f}\p{Cs}]/gu
// Joiners mean something in emoji and in scripts beyond ASCII, where they stand between two of them.
const joiners = '[\\u200c\\u200d]'
const strayJoiners = new RegExp(
  `(?<![^\\x00-\\x7f])${joiners}+|(?<!${joiners})${joiners}+(?![^\\x00-\\x7f])`,
  'g',
)

/**
 * Text from an agent as a person's terminal may show it: no escape sequence, no control character
 * but newline and tab, nothing that reorders text or is not seen. Works line by line: text may be cut
 * at newlines.
 */
export function sanitizeTerminal(text: string): string {
  return text
    .replace(stringSequence, '')
    .replace(controlSequence, '')
    .replace(escapeSequence, '')
    .replace(unsafe, '')
    .replace(strayJoiners, '')
}

/** The same as one line: what was white space between words is one space. */
export const oneLine = (text: string): string => sanitizeTerminal(text).replace(/\s+/g, ' ').trim()

/** At most `most` characters, and no half of one; a mark says that there was more. */
export function cut(text: string, most: number): string {
  if (text.length <= most) return text
  const kept = text.slice(0, Math.max(0, most - 1))
  return `${/[\ud800-\udbff]$/.test(kept) ? kept.slice(0, -1) : kept}…`
}

/** JSON that no terminal acts upon: the same value, with C1, direction marks and the unseen escaped. */
export function safeJson(value: unknown, indent = 0): string {
  return JSON.stringify(value, null, indent).replace(unsafe, (char) =>
    Array.from({ length: char.length }, (_, i) => escaped(char.charCodeAt(i))).join(''),
  )
}

const escaped = (code: number): string => `\\u${code.toString(16).padStart(4, '0')}`

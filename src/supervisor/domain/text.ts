/* oxlint-disable no-control-regex -- control characters are what this is about */

// A string sequence (OSC, DCS, SOS, PM, APC) ends at its terminator, or with the line: an unfinished
// one must not swallow what follows.
const stringSequence =
  /(?:\x1b[\]PX^_]|[\x9d\x90\x98\x9e\x9f])[^\x07\x1b\x9c\n]*(?:\x07|\x1b\\|\x9c)?/g
const controlSequence = /(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]?/g
const escapeSequence = /\x1b[ -/]*[0-~]?/g
// C0 but \n and \t, DEL, C1, and what turns the direction of text.
const unsafe = /[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g

/**
 * Text from an agent as a person's terminal may show it: no escape sequence, no control character
 * but newline and tab, nothing that reorders text. Works line by line: text may be cut at newlines.
 */
export function sanitizeTerminal(text: string): string {
  return text
    .replace(stringSequence, '')
    .replace(controlSequence, '')
    .replace(escapeSequence, '')
    .replace(unsafe, '')
}

/** JSON that no terminal acts upon: the same value, with C1 and direction marks escaped. */
export function safeJson(value: unknown, indent = 0): string {
  return JSON.stringify(value, null, indent).replace(unsafe, (char) =>
    char === '\n' ? char : `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}

/* oxlint-disable no-control-regex -- control characters are what this file is about */

// ESC ] … and ESC P/X/^/_ …: a string that BEL or ST ends; a line end too, or one stray would eat all.
const strings = /(?:\x1b[\]PX^_]|[\x90\x98\x9d\x9e\x9f])[^\x07\x1b\x9c\n]*(?:\x07|\x1b\\|\x9c)?/g
// ESC [ parameters intermediates final.
const sequences = /(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]?/g
// Any other escape: intermediates and one final.
const escapes = /\x1b[ -/]*[0-~]?/g
const controls = /[\x00-\x08\x0b-\x1f\x7f-\x9f]/g

/**
 * Terminal output as plain text: no escape or control sequence, no control character but line feed
 * and tab. CR LF becomes LF, a lone CR too, so that each state of a progress line is its own line.
 */
export function stripTerminal(text: string): string {
  return text
    .replace(strings, '')
    .replace(sequences, '')
    .replace(escapes, '')
    .replace(/\r+\n|\r/g, '\n')
    .replace(controls, '')
}

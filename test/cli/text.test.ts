/* oxlint-disable no-control-regex -- this is what must not be there */
import fc from 'fast-check'
import t from 'tap'
import { cut, oneLine, safeJson, sanitizeTerminal } from '../../src/supervisor/domain/text.ts'

const control =
  /[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\u{e0000}-\u{e007f}\p{Cs}]/u

/** Text that is mostly what terminals act upon. */
const hostile = fc
  .array(
    fc.oneof(
      fc.constantFrom('\x1b[', '\x1b]', '\x1bP', '\x1b_', '\x1b\\', '\x07', '\x9b', '\x9d', '\x9c'),
      fc.constantFrom('\n', '\t', '\r', '31m', '0;', '52;c;', 'text', '\u202e', '\u2066'),
      fc.constantFrom('\u200d', '\u200c', '\u200b', 'é', '\udb40', '\udc41'),
      fc.string({ unit: 'binary', maxLength: 3 }),
    ),
    { maxLength: 30 },
  )
  .map((parts) => parts.join(''))

t.test('known sequences leave the text around them and nothing else', (t) => {
  const sequences = [
    '\x1b[0m',
    '\x1b[38;2;1;2;3m',
    '\x1b[2J',
    '\x1b[?1049h',
    '\x1b[6n',
    '\x1b[21t',
    '\x1b[>c',
    '\x1b[1;5r',
    '\x1b[200~',
    '\x9b31m',
    '\x1b]0;title\x07',
    '\x1b]2;title\x1b\\',
    '\x1b]52;c;c2VjcmV0\x07',
    '\x1b]52;c;?\x07',
    '\x1b]7;file:///etc\x07',
    '\x1b]8;;http://evil.test\x1b\\',
    '\x1b]133;A\x07',
    '\x1b]1337;File=name=x:AAAA\x07',
    '\x9d0;title\x9c',
    '\x1bP$qm\x1b\\',
    '\x1bPtmux;\x1b\\',
    '\x90+q\x9c',
    '\x1b_Gf=32;AAAA\x1b\\',
    '\x1b^private\x1b\\',
    '\x1bXstring\x1b\\',
    '\x1bc',
    '\x1b7',
    '\x1b(0',
    '\x1b#8',
    '\x1b=',
    '\x1b%G',
    '\x07',
    '\b',
    '\r',
    '\0',
    '\x0e',
    '\x7f',
    '\x84',
    '\u202e',
    '\u2067',
    '\u200f',
    '\u200b',
    '\u200d',
    '\u2028',
    '\u2060',
    '\ufeff',
    '\xad',
    '\u{e0041}',
  ]
  for (const one of sequences) t.equal(sanitizeTerminal(`a${one}b`), 'ab', safeJson(one))
  t.equal(sanitizeTerminal('\x1b]0;never ended\nnext'), '\nnext', 'it cannot swallow the next line')
  t.equal(sanitizeTerminal('é\tß\n漢字 🙂'), 'é\tß\n漢字 🙂')
  t.equal(sanitizeTerminal('👩‍👧 می‌خواهم'), '👩‍👧 می‌خواهم', 'joiners of scripts stay')
  t.end()
})

t.test('nothing that a terminal acts upon is left of any text', (t) => {
  fc.assert(
    fc.property(hostile, (text) => {
      const clean = sanitizeTerminal(text)
      return !control.test(clean) && sanitizeTerminal(clean) === clean
    }),
    { numRuns: 3000 },
  )
  fc.assert(
    fc.property(hostile, hostile, (a, b) => {
      const lines = [a, b].map(sanitizeTerminal).join('\n')
      return sanitizeTerminal(`${a}\n${b}`) === lines
    }),
  )
  t.end()
})

t.test('a text made to be slow is not', (t) => {
  for (const part of ['\x1b]', '\x1b[', '\x9d', '\x1b[;', '\x1bP\x1b', '\x1b ', '\u200d'])
    t.ok(sanitizeTerminal(part.repeat(300_000)).length < 300_000, JSON.stringify(part))
  t.end()
})

t.test('a text on one line keeps its words, and is cut between characters', (t) => {
  t.equal(oneLine(' a\n\tb \r\n c\x1b[31m  d '), 'a b c d')
  t.equal(cut('abcd', 4), 'abcd')
  t.equal(cut('abcde', 4), 'abc…')
  t.equal(cut('abc', 0), '…')
  t.equal(cut('ab🙂de', 4), 'ab…', 'no half of one: JSON of that is refused by some')
  fc.assert(
    fc.property(hostile, fc.integer({ min: 1, max: 20 }), (text, most) => {
      const line = cut(oneLine(text), most)
      return line.length <= most && !control.test(line) && !/[\n\t]/.test(line)
    }),
  )
  t.end()
})

t.test('JSON is the same value, and harmless', (t) => {
  const value = fc.dictionary(hostile, fc.oneof(hostile, fc.jsonValue()))
  fc.assert(
    fc.property(value, fc.constantFrom(0, 2), (given, indent) => {
      const text = safeJson(given, indent)
      return !control.test(text) && text === safeJson(JSON.parse(text), indent)
    }),
  )
  t.same(JSON.parse(safeJson({ a: '\x9b\u202e\x7f' })), { a: '\x9b\u202e\x7f' })
  t.end()
})

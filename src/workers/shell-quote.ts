/** Text as one word of POSIX sh, whatever it holds but NUL. */
export function shellQuote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`
}

import fc from 'fast-check'

/** Texts that somebody would have run, expanded or taken for an option; `canary` is made if so. */
export function hostileTexts(canary: string, count: number, seed: number): string[] {
  const touch = `touch ${canary}`
  const commands = [`#(${touch})`, `$(${touch})`, `\`${touch}\``, `; ${touch} ;`, `' ; ${touch} #`]
  const more = [`" ; ${touch} #`, `\n${touch}\n`, `| ${touch}`, `&& ${touch}`, `<(${touch})`]
  const tmux = [
    `#{E:#(${touch})}`,
    `##(${touch})`,
    '#{pane_id}',
    '#[fg=red]',
    '%1',
    '@1',
    '$1',
    ';',
  ]
  const verbs = [`run-shell '${touch}'`, 'kill-server', '\n\nkill-server\n', 'C-c', ':', '.', '=']
  const git = ['--upload-pack=', `--exec=${touch}`, `--output=${canary}`, '-c', 'HEAD', '@{-1}']
  const refs = [`ext::sh -c '${touch}'`, '../..', 'refs/heads/x', ':/fix', '^', '~1', '..', '.lock']
  const raw = ['\x1b[201~', '\x1b]0;x\x07', '\x9b201~', '\r', '\t', '\0', '\x03', '\x04', '\x1a']
  const words = ['-x', '--', '~', '*', '%', '!', '/', '\\', "'", '"', 'é', '🙂', '\u202e', ' ']
  const piece = fc.oneof(
    { weight: 6, arbitrary: fc.constantFrom(...commands, ...more, ...tmux, ...verbs) },
    { weight: 4, arbitrary: fc.constantFrom(...git, ...refs, ...raw, ...words) },
    { weight: 2, arbitrary: fc.string({ unit: 'binary', maxLength: 8 }) },
    { weight: 1, arbitrary: fc.constantFrom('x'.repeat(4096), `${'y'.repeat(300)};`) },
  )
  const texts = fc.array(piece, { minLength: 1, maxLength: 6 }).map((parts) => parts.join(''))
  return fc.sample(texts, { numRuns: count, seed })
}

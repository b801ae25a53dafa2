import type { CommandRule, Kind } from './grammar.ts'
import { valuedOptions } from './grammar.ts'

/** A word as fish takes it for itself. */
const quote = (text: string): string => `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`

export function fish(rules: readonly CommandRule[]): string {
  const commands = rules.flatMap((rule) =>
    rule.commands.map(({ name, about }) =>
      complete(rule.path, 0, `-a ${quote(name)} -d ${quote(about)}`),
    ),
  )
  const options = rules.flatMap((rule) =>
    rule.options.map(({ flag, about, value }) =>
      complete(
        rule.path,
        null,
        `-l ${flag.replace(/^--/, '')} -d ${quote(about)}${value ? ` -r ${offer(value)}` : ''}`,
      ),
    ),
  )
  const places = rules.flatMap((rule) =>
    rule.arguments.flatMap((kind, i) => {
      const isLast = rule.isVariadic && i === rule.arguments.length - 1
      const words = kind.kind === 'free' ? '' : offer(kind)
      return words ? [complete(rule.path, isLast ? 'any' : i, words)] : []
    }),
  )
  const paths = rules.map(({ path }) => quote(path)).join(' ')
  return `# fish completion of squadd:
#   squadd completion fish > ~/.config/fish/completions/squadd.fish

# What command the words before the cursor name, which argument of it is next, and the home.
function __squadd_read
    set -g __squadd_command ''
    set -g __squadd_place 0
    set -g __squadd_home
    set -l skip ''
    for word in (commandline -opc)[2..]
        if test -n "$skip"
            test "$skip" = --home; and set -g __squadd_home --home $word
            set skip ''
            continue
        end
        switch $word
            case ${valuedOptions(rules).join(' ')}
                set skip $word
            case '-*'
            case '*'
                set -l next (string trim -- "$__squadd_command $word")
                if test $__squadd_place -eq 0; and contains -- $next ${paths}
                    set -g __squadd_command $next
                else
                    set -g __squadd_place (math $__squadd_place + 1)
                end
        end
    end
end

function __squadd_at
    __squadd_read
    test "$__squadd_command" = $argv[1]; or return 1
    test (count $argv) -eq 1; or test $argv[2] = any; or test $__squadd_place = $argv[2]
end

# Names that the daemon knows; none when it does not run.
function __squadd_names
    __squadd_read
    set -l program (commandline -opc)[1]
    $program $__squadd_home __complete $argv[1] 2>/dev/null
end

complete -c squadd -f
${[...commands, ...options, ...places].join('\n')}
`
}

function complete(path: string, place: number | 'any' | null, what: string): string {
  const at = place === null ? '' : ` ${place}`
  return `complete -c squadd -n ${quote(`__squadd_at ${quote(path)}${at}`)} ${what}`
}

function offer(value: Kind): string {
  switch (value.kind) {
    case 'words':
      return `-f -a ${quote(value.words.join(' '))}`
    case 'agents':
    case 'tasks':
    case 'subjects':
      return `-f -a '(__squadd_names ${value.kind})'`
    case 'files':
      return '-F'
    case 'folders':
      return `-f -a '(__fish_complete_directories)'`
    case 'free':
      return '-f'
  }
}

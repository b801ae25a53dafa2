import type { CommandRule } from './grammar.ts'
import { valuedOptions, wordOf } from './grammar.ts'

/** A word as bash and zsh take it for itself. */
const quote = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`

const lines = (rows: readonly { name: string; about: string }[]): string =>
  rows.map(({ name, about }) => quote(`${name}:${about}`)).join(' ')

/** What both shells ask: each function is a table of the command line. */
function tables(rules: readonly CommandRule[]): string {
  const entry = (pattern: string, body: string) => `    ${pattern}) ${body} ;;`
  const commands = rules
    .filter((rule) => rule.commands.length > 0)
    .map((rule) => entry(quote(rule.path), `printf '%s\\n' ${lines(rule.commands)}`))
  const options = rules.map((rule) =>
    entry(
      quote(rule.path),
      `printf '%s\\n' ${lines(rule.options.map(({ flag, about }) => ({ name: flag, about })))}`,
    ),
  )
  const values = rules.flatMap((rule) =>
    rule.options.flatMap(({ flag, value }) =>
      value === null ? [] : [entry(quote(`${rule.path} ${flag}`), `echo ${quote(wordOf(value))}`)],
    ),
  )
  const places = rules.flatMap((rule) =>
    rule.arguments.map((kind, i) => {
      const isLast = rule.isVariadic && i === rule.arguments.length - 1
      return entry(`${quote(`${rule.path} `)}${isLast ? '*' : i}`, `echo ${quote(wordOf(kind))}`)
    }),
  )
  const table = (name: string, word: string, rows: readonly string[]) =>
    [`${name}() {`, `  case "${word}" in`, ...rows, '  esac', '}', ''].join('\n')
  return [
    table('_squadd_commands', '$1', commands),
    table('_squadd_options', '$1', options),
    table('_squadd_value', '$1 $2', values),
    table('_squadd_place', '$1 $2', places),
    `_squadd_takes() {\n  case $1 in\n    ${valuedOptions(rules).join('|')}) return 0 ;;\n  esac\n  return 1\n}\n`,
    `# Reads the words before the one that is typed: what command, which argument of it.
_squadd_read() {
  command='' home='' place=0 previous='' ended=''
  local word skip=''
  for word in "$@"; do
    previous=''
    if [ -n "$skip" ]; then
      [ "$skip" = --home ] && home=$word
      skip=''
      continue
    fi
    case $word in
      --) ended=1; return ;;
      --home=*) home=\${word#--home=} ;;
      -*) if _squadd_takes "$word"; then skip=$word previous=$word; fi ;;
      *)
        case "
$(_squadd_commands "$command")" in
          *"
$word:"*) command=\${command:+$command }$word ;;
          *) place=$((place + 1)) ;;
        esac ;;
    esac
  done
}

# Names that the daemon knows; none when it does not run.
_squadd_names() {
  if [ -n "$home" ]; then
    "$1" --home "\${home/#\\~/$HOME}" __complete "$2" 2>/dev/null
  else
    "$1" __complete "$2" 2>/dev/null
  fi
}
`,
  ].join('\n')
}

export const bash = (rules: readonly CommandRule[]): string => `# bash completion of squadd:
#   source <(squadd completion bash)

${tables(rules)}
_squadd() {
  local command home place previous ended line kind current=\${COMP_WORDS[COMP_CWORD]}
  COMPREPLY=()
  _squadd_read "\${COMP_WORDS[@]:1:COMP_CWORD-1}"
  [ -n "$ended" ] && return
  _squadd_offer() {
    while IFS= read -r line; do
      [[ $line == "$current"* ]] && COMPREPLY+=("\${line%%:*}")
    done
  }
  if [ -n "$previous" ]; then
    kind=$(_squadd_value "$command" "$previous")
  elif [[ $current == -* ]]; then
    _squadd_offer < <(_squadd_options "$command")
    return
  else
    _squadd_offer < <(_squadd_commands "$command")
    kind=$(_squadd_place "$command" "$place")
  fi
  case $kind in
    '' | @free) ;;
    @files) compopt -o filenames; mapfile -t -O "\${#COMPREPLY[@]}" COMPREPLY < <(compgen -f -- "$current") ;;
    @folders) compopt -o filenames; mapfile -t -O "\${#COMPREPLY[@]}" COMPREPLY < <(compgen -d -- "$current") ;;
    @*) _squadd_offer < <(_squadd_names "\${COMP_WORDS[0]}" "\${kind#@}") ;;
    *) _squadd_offer < <(printf '%s\\n' $kind) ;;
  esac
}
complete -F _squadd squadd
`

export const zsh = (rules: readonly CommandRule[]): string => `#compdef squadd
# zsh completion of squadd: as the file _squadd in a folder of $fpath, or
#   source <(squadd completion zsh)

${tables(rules)}
_squadd() {
  local command home place previous ended kind
  local -a rows
  _squadd_read "\${(@)words[2,CURRENT-1]}"
  [[ -n $ended ]] && return
  if [[ -n $previous ]]; then
    kind=$(_squadd_value "$command" "$previous")
  elif [[ \${words[CURRENT]} == -* ]]; then
    rows=(\${(f)"$(_squadd_options "$command")"})
    _describe -o option rows
    return
  else
    rows=(\${(f)"$(_squadd_commands "$command")"})
    (( $#rows )) && _describe command rows
    kind=$(_squadd_place "$command" "$place")
  fi
  case $kind in
    '' | @free) ;;
    @files) _files ;;
    @folders) _files -/ ;;
    @*) rows=(\${(f)"$(_squadd_names "\${words[1]}" "\${kind#@}")"}); compadd -a rows ;;
    *) rows=(\${=kind}); compadd -a rows ;;
  esac
}
if [[ \${funcstack[1]} == _squadd ]]; then
  _squadd "$@"
elif (( $+functions[compdef] )); then
  compdef _squadd squadd
fi
`

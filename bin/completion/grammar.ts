import type { Argument, Command, Option } from 'commander'

/** What may stand somewhere: one of these words, a name the daemon knows, a path, or anything. */
export type Kind =
  | { kind: 'words'; words: readonly string[] }
  | { kind: 'agents' | 'tasks' | 'subjects' | 'files' | 'folders' | 'free' }

export type OptionRule = { flag: string; about: string; value: Kind | null; isOptional: boolean }

/** One command: what may follow it. */
export type CommandRule = {
  /** As it is typed, without the program's name: `task add`. */
  path: string
  commands: { name: string; about: string }[]
  options: OptionRule[]
  arguments: Kind[]
  /** The last argument may be repeated. */
  isVariadic: boolean
}

/** Every command line that the program takes, from its own table; hidden commands are left out. */
export function grammarOf(program: Command): CommandRule[] {
  const everywhere = program.options.map(optionRule).filter(({ flag }) => flag !== '--version')
  const help = { flag: '--help', about: 'what it does', value: null, isOptional: false }
  const walk = (command: Command, path: string): CommandRule[] => {
    const shown = command.commands.filter((one) => !isHidden(one))
    const own =
      command === program ? command.options : command.options.filter(({ hidden }) => !hidden)
    const rule: CommandRule = {
      path,
      commands: shown.map((one) => ({ name: one.name(), about: one.description() })),
      options: [...own.map(optionRule), ...(command === program ? [] : everywhere), help],
      arguments: command.registeredArguments.map((one) => argumentKind(one, path)),
      isVariadic: command.registeredArguments.at(-1)?.variadic ?? false,
    }
    return [rule, ...shown.flatMap((one) => walk(one, `${path} ${one.name()}`.trim()))]
  }
  return walk(program, '')
}

const isHidden = (command: Command): boolean =>
  (command as Command & { _hidden?: boolean })._hidden === true

function optionRule(option: Option): OptionRule {
  const takes = option.required || option.optional
  return {
    flag: option.long ?? option.short ?? option.flags,
    about: option.description,
    value: takes ? optionKind(option) : null,
    isOptional: option.optional,
  }
}

function optionKind({ argChoices, flags, long }: Option): Kind {
  if (argChoices) return { kind: 'words', words: argChoices }
  const name = /[<[]([^>\]]+)[>\]]/.exec(flags)?.[1] ?? ''
  if (long === '--agent') return { kind: 'agents' }
  return named(name)
}

function argumentKind(argument: Argument, path: string): Kind {
  if (argument.argChoices) return { kind: 'words', words: argument.argChoices }
  const isAgent = argument.name() === 'name' && path.startsWith('agent ') && path !== 'agent add'
  return isAgent ? { kind: 'agents' } : named(argument.name())
}

/** The names that the table of commands uses for what they stand for. */
function named(name: string): Kind {
  switch (name.replace(/\.\.\.$/, '')) {
    case 'agent':
      return { kind: 'agents' }
    case 'task':
      return { kind: 'tasks' }
    case 'agent|task':
      return { kind: 'subjects' }
    case 'file':
    case 'file.ndjson':
      return { kind: 'files' }
    case 'dir':
    case 'path':
      return { kind: 'folders' }
    default:
      return { kind: 'free' }
  }
}

/** Options that take the next word for their value. No option does in one command alone. */
export function valuedOptions(rules: readonly CommandRule[]): string[] {
  const options = rules.flatMap((rule) => rule.options)
  const takes = ({ value, isOptional }: OptionRule) => value !== null && !isOptional
  const found = new Set(options.filter(takes).map(({ flag }) => flag))
  const odd = options.find((one) => found.has(one.flag) && !takes(one))
  if (odd) throw new Error(`${odd.flag} takes a value in one command and none in another`)
  return [...found].sort()
}

/** The kind as one word of the scripts. */
export const wordOf = (value: Kind): string =>
  value.kind === 'words' ? value.words.join(' ') : `@${value.kind}`

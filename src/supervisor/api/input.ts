import { z } from 'zod'
import { invalid, SquadError } from '../domain/error.ts'

type Issue = z.core.$ZodIssue

/**
 * Checks the input of an endpoint: path parameters, query and body as one object. Throws
 * SQUADD_INVALID that names the first bad field, the value and what to do; for a batch `data.index`
 * is the place of the bad one.
 */
export function readInput<S extends z.ZodType>(schema: S, given: unknown): z.output<S> {
  const result = closest(schema, given).safeParse(given)
  if (result.success) return result.data as z.output<S>
  throw toError(result.error.issues[0]!, given)
}

/** Of several forms of input the one that has most of the given fields, so that errors fit. */
function closest(schema: z.ZodType, given: unknown): z.ZodType {
  if (!(schema instanceof z.ZodUnion) || typeof given !== 'object' || given === null) return schema
  const known = (form: z.ZodObject) => Object.keys(given).filter((name) => name in form.shape)
  const forms = schema.options.filter((form) => form instanceof z.ZodObject)
  return forms.toSorted((a, b) => known(b).length - known(a).length)[0] ?? schema
}

function toError(issue: Issue, given: unknown): SquadError {
  const path = issue.code === 'unrecognized_keys' ? [...issue.path, issue.keys[0]!] : issue.path
  const field = nameOf(path)
  const value = valueAt(given, path)
  const error = describe(issue, field, value)
  const [first, index] = path
  if (first === 'tasks' && typeof index === 'number') error.data['index'] = index
  return error
}

function describe(issue: Issue, field: string, value: unknown): SquadError {
  // Values of variables may be secrets.
  const shown = field === 'env' || field.startsWith('env.') ? '…' : value
  if (field === '') return invalid('body', shown, 'is not an object', 'send a JSON object')
  if (issue.code === 'unrecognized_keys') {
    const [problem = '', hint = ''] = issue.message.split('; ')
    return new SquadError('SQUADD_INVALID', `${field} ${problem}`, { field, hint })
  }
  if (value === undefined)
    return new SquadError('SQUADD_INVALID', `${field} is missing`, {
      field,
      hint: `give ${wanted(issue)}`,
    })
  if (issue.code === 'custom') return invalid(field, shown, issue.message, 'make it simpler')
  return invalid(field, shown, 'is not valid', `use ${wanted(issue)}`)
}

function wanted(issue: Issue): string {
  if (issue.code === 'invalid_type')
    return issue.expected === 'int' ? 'a whole number' : `a value of type ${issue.expected}`
  if (issue.code === 'invalid_value') return issue.values.map(String).join(', ')
  if (issue.code === 'too_big') return `at most ${issue.maximum}`
  if (issue.code === 'too_small') return `at least ${issue.minimum}`
  if (issue.code === 'invalid_union')
    return issue.errors.map((form) => (form[0] ? wanted(form[0]) : '')).join(' or ')
  return issue.message
}

/** `tasks[3].prompt` */
function nameOf(path: readonly PropertyKey[]): string {
  return path
    .map((part) => (typeof part === 'number' ? `[${part}]` : `.${String(part)}`))
    .join('')
    .replace(/^\./, '')
}

function valueAt(given: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>(
    (value, part) =>
      typeof value === 'object' && value !== null && Object.hasOwn(value, part)
        ? (value as Record<PropertyKey, unknown>)[part]
        : undefined,
    given,
  )
}

import fc from 'fast-check'
import { z } from 'zod'
import type { EndpointName } from '../../src/supervisor/api/endpoints.ts'
import { endpoints } from '../../src/supervisor/api/endpoints.ts'
import { routes } from '../../src/supervisor/api/routes.ts'

/** One request as it goes over the wire. */
export type Shot = {
  name: EndpointName
  how: string
  path: string
  headers: Record<string, string>
  body: string | Uint8Array | undefined
}

type Schema = {
  type?: string
  enum?: unknown[]
  const?: unknown
  anyOf?: Schema[]
  properties?: Record<string, Schema>
  required?: string[]
  items?: Schema
  additionalProperties?: Schema | boolean
  minimum?: number
  maximum?: number
  minLength?: number
}

const words = fc.constantFrom('t1', 't2', 'a1', 'any', '/nowhere', 'true', '0', '', 'x', 'HEAD')
const text = fc.oneof(words, fc.string({ unit: 'binary', maxLength: 20 }))

/** Values that a schema allows, of small size. */
function fitting(schema: Schema): fc.Arbitrary<unknown> {
  if (schema.const !== undefined) return fc.constant(schema.const)
  if (schema.enum) return fc.constantFrom(...schema.enum)
  if (schema.anyOf) return fc.oneof(...schema.anyOf.map(fitting))
  switch (schema.type ?? 'any') {
    case 'string':
      return (schema.minLength ?? 0) > 0 ? text.map((some) => some || 'x') : text
    case 'boolean':
      return fc.boolean()
    case 'integer':
    case 'number': {
      const range = { min: Math.max(schema.minimum ?? -1000, -1000) }
      return fc.integer({ ...range, max: Math.min(schema.maximum ?? 100_000, 100_000) })
    }
    case 'array':
      return fc.array(fitting(schema.items ?? {}), { minLength: 1, maxLength: 3 })
    case 'object':
      return objects(schema)
    default:
      return fc.oneof(fc.boolean(), fc.nat(1000), fc.constantFrom('true', 'false', '5'))
  }
}

function objects({ properties = {}, required = [], additionalProperties }: Schema) {
  if (typeof additionalProperties === 'object' && Object.keys(properties).length === 0)
    return fc.dictionary(fc.string({ maxLength: 8 }), fitting(additionalProperties), { maxKeys: 3 })
  const fields = Object.entries(properties).map(([key, one]) => [key, fitting(one)] as const)
  const whole = fc.record(Object.fromEntries(fields), { noNullPrototype: true })
  // Few at a time: most of what is allowed alone is refused together.
  const some = fc.shuffledSubarray(Object.keys(properties)).map((keys) => keys.slice(0, 2))
  return fc.tuple(whole, some).map(([all, chosen]) => {
    const kept = Object.entries(all).filter(([key]) => [...required, ...chosen].includes(key))
    return Object.fromEntries(kept)
  })
}

const junk: unknown[] = [null, true, -1, 1e308, 0.5, '', [], {}, [[]], 'x'.repeat(200_000)]
junk.push('\ud800', '\0', '\u202e\u0000', '__proto__', 2 ** 53, -(2 ** 31), { a: { b: null } })

type Body = Record<string, unknown>
const keyOf = (body: Body, n: number): string => Object.keys(body)[n % 7] ?? 'id'
const setAt = (body: Body, key: string, value: unknown): string => {
  const copy = { ...body }
  Object.defineProperty(copy, key, { value, enumerable: true, configurable: true, writable: true })
  return JSON.stringify(copy)
}

/** Ways to spoil a body; `n` chooses where and with what. */
const mutators: Record<string, (body: Body, n: number) => string | Uint8Array> = {
  'a key dropped': (body, n) => setAt(body, keyOf(body, n), undefined),
  'a key twice': (body, n) => {
    const key = JSON.stringify(keyOf(body, n))
    return `{${key}:${JSON.stringify(junk[n % 9])},${JSON.stringify(body).slice(1)}`
  },
  'a wrong type': (body, n) => setAt(body, keyOf(body, n), junk[n % junk.length]),
  'a huge text': (body, n) => setAt(body, keyOf(body, n), 'é'.repeat(1 + (n % 700_000))),
  'a huge list': (body, n) => setAt(body, keyOf(body, n), Array(n % 20_000).fill('x')),
  'deep nesting': (body, n) => {
    const depth = n % 5000
    return setAt(body, keyOf(body, n), 0).replace(
      /:0\b/,
      `:${'['.repeat(depth)}${']'.repeat(depth)}`,
    )
  },
  'no JSON number': (body, n) =>
    setAt(body, keyOf(body, n), 7).replace(
      /:7\b/,
      [':NaN', ':Infinity', ':-', ':1e999', ':07'][n % 5]!,
    ),
  'strange letters': (body, n) =>
    setAt(body, keyOf(body, n), ['\ud800x', '\0', '\ufeff', '🙂'.repeat(50), '\x9b'][n % 5]),
  'an evil key': (body, n) =>
    setAt(body, ['__proto__', 'constructor', 'toString', 'x.y', ''][n % 5]!, { polluted: true }),
  'a broken end': (body, n) => JSON.stringify(body).slice(0, n % 40),
  'no UTF-8': (body, n) => {
    const bytes = Buffer.from(JSON.stringify(body))
    bytes[n % bytes.length] = 0xff
    return bytes
  },
  'another kind of body': (_body, n) =>
    ['[]', '""', 'null', '7', '{}', '[{"prompt":"x"}]', '{"tasks":[]}'][n % 7]!,
}

const paths = [
  't1',
  't2',
  'a1',
  't0',
  't999999999999999',
  '%00',
  '..%2f..',
  '%',
  'a%2Fb',
  '🙂',
  "'",
]
paths.push('__proto__', 'x'.repeat(5000), '%ff', 't1;x', 't-1', '%E2%80%AE')

/** Requests to every endpoint in turn: valid ones from its schema, and the same spoiled. */
export function shots(count: number, seed: number): Shot[] {
  const names = Object.keys(endpoints) as EndpointName[]
  const each = Math.ceil(count / names.length)
  return names.flatMap((name, i) => {
    const schema = z.toJSONSchema(routes[name].input, { io: 'input', unrepresentable: 'any' })
    const plan = fc.tuple(fitting(schema as Schema), fc.nat(12), fc.nat(4_000_000), fc.nat(1000))
    return fc
      .sample(plan, { numRuns: each, seed: seed + i })
      .map(([body, which, n, id]) => shot(name, body as Body, which, n, id))
  })
}

function shot(name: EndpointName, input: Body, which: number, n: number, id: number): Shot {
  const { method, path } = endpoints[name]
  const { id: _id, ...rest } = input
  const body = path.includes(':id') ? rest : input
  const isKnown = id % 3 > 0
  const known = name.startsWith('agents') ? 'a1' : `t${1 + (id % 5)}`
  const place = path.replace(':id', encodeURI(isKnown ? known : paths[id % paths.length]!))
  const [how, spoil] = Object.entries(mutators)[which] ?? [
    'valid',
    (given: Body) => JSON.stringify(given),
  ]
  if (method !== 'POST') {
    const fields = which < 6 ? body : { ...body, [paths[n % paths.length]!]: junk[n % 9] }
    const query = new URLSearchParams(
      Object.entries(fields).map(([key, value]): [string, string] => [key, String(value)]),
    )
    const tail = [...query].length > 0 ? `?${query.toString()}` : ''
    return { name, how: 'query', path: place + tail, headers: {}, body: undefined }
  }
  const type = n % 11 === 0 ? 'text/plain' : 'application/json'
  return { name, how, path: place, headers: { 'content-type': type }, body: spoil(body, n) }
}

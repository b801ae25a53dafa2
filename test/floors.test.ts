import { readFileSync, globSync } from 'node:fs'
import { posix } from 'node:path'
import t from 'tap'

/** The house: a file belongs to the first row that fits, and may import from the rows it names. */
const rooms: [room: string, prefix: string, mayImport: string[]][] = [
  ['domain', 'src/supervisor/domain/', []],
  ['policy', 'src/supervisor/policy/', ['domain']],
  ['failpoint', 'src/supervisor/failpoint/', ['domain', 'node']],
  ['store', 'src/supervisor/store/', ['domain', 'policy', 'failpoint', 'node', 'package']],
  ['workers', 'src/workers/', ['domain', 'policy', 'failpoint', 'node', 'package']],
  ['metrics', 'src/metrics/', ['domain', 'policy', 'node', 'package']],
  [
    'api',
    'src/supervisor/api/',
    ['domain', 'policy', 'failpoint', 'supervisor', 'node', 'package'],
  ],
  ['library', 'src/supervisor/library/', ['*']],
  ['daemon', 'src/supervisor/daemon.ts', ['*']],
  ['daemon', 'src/supervisor/assembly.ts', ['*']],
  ['daemon', 'src/supervisor/start-lock.ts', ['*']],
  [
    'operations',
    'src/supervisor/operations/',
    ['domain', 'policy', 'supervisor', 'store', 'workers', 'failpoint', 'node', 'package'],
  ],
  ['supervisor', 'src/supervisor/', ['domain', 'policy', 'failpoint', 'node']],
  ['index', 'src/index.ts', ['*']],
  ['bin', 'bin/', ['domain', 'daemon', 'operations', 'api', 'node', 'package', 'index']],
]

const roomOf = (file: string): string =>
  rooms.find(([, prefix]) => file.startsWith(prefix))?.[0] ?? 'nowhere'

/** Every static and dynamic import of a file, as a room. */
function importsOf(file: string): [specifier: string, room: string][] {
  const text = readFileSync(file, 'utf8')
  const found = text.matchAll(/(?:from|import)\s*\(?\s*'([^']+)'/g)
  return [...found].map(([, specifier = '']) => {
    if (specifier.startsWith('node:')) return [specifier, 'node']
    if (!specifier.startsWith('.')) return [specifier, 'package']
    return [specifier, roomOf(posix.join(posix.dirname(file), specifier))]
  })
}

const files = globSync(['src/**/*.ts', 'bin/**/*.ts'])

t.test('every file has a room and imports only go down the floors', (t) => {
  t.ok(files.length > 8)
  for (const file of files) {
    const room = roomOf(file)
    t.not(room, 'nowhere', `${file} has a room`)
    const allowed = rooms.find(([name]) => name === room)?.[2] ?? []
    for (const [specifier, target] of importsOf(file))
      if (target !== room && !allowed.includes('*') && !allowed.includes(target))
        t.fail(`${file} (${room}) must not import ${specifier} (${target})`)
  }
  t.end()
})

t.test('the rule judges planted imports', (t) => {
  const may = (room: string, target: string) => {
    const allowed = rooms.find(([name]) => name === room)?.[2] ?? []
    return room === target || allowed.includes('*') || allowed.includes(target)
  }
  t.notOk(may('domain', 'node'), 'the lowest floor imports nothing')
  t.notOk(may('policy', 'store'))
  t.notOk(may('supervisor', 'workers'), 'the supervisor knows ports, not adapters')
  t.notOk(may('workers', 'store'), 'adapters do not know each other')
  t.ok(may('daemon', 'workers'))
  t.end()
})

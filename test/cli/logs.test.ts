import { once } from 'node:events'
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import fc from 'fast-check'
import t from 'tap'
import { followLines } from '../../bin/log-files.ts'
import { LogFile } from '../../src/supervisor/log-file.ts'
import { lastLines, tailOf } from '../../src/supervisor/operations/log-tail.ts'
import { scratch } from '../support/api.ts'
import { emptyHome } from '../support/cli.ts'
import { Squadd } from '../support/squadd.ts'

const all = () => true
const numbered = (from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, i) => `line ${from + i}`)

t.test('a log keeps so many files of such a size, the newest lines in them', async (t) => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 2, max: 5 }),
      fc.integer({ min: 20, max: 200 }),
      fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 1, maxLength: 60 }),
      async (files, bytes, lengths) => {
        const path = join(scratch(t), 'daemon.log')
        const log = new LogFile(path, () => ({ bytes, files }))
        const written = lengths.map((length, i) => `${i} ${'x'.repeat(length)}`)
        for (const line of written) log.write(`${line}\n`)
        log.close()
        const names = readdirSync(join(path, '..'))
        const { lines, place } = await lastLines(path, 1000, all)
        await place.file.close()
        const sizes = names.map((name) => statSync(join(path, '..', name)).size)
        return (
          names.length <= files &&
          sizes.every((size) => size <= Math.max(bytes, 65)) &&
          JSON.stringify(lines) === JSON.stringify(written.slice(-lines.length))
        )
      },
    ),
    { numRuns: 50 },
  )
  t.end()
})

t.test('the last lines are found from the end, however long they are', async (t) => {
  const path = join(scratch(t), 'daemon.log')
  const length = fc.constantFrom(1, 10, 65_534, 65_535, 65_536, 65_537, 131_072)
  await fc.assert(
    fc.asyncProperty(
      fc.array(length, { maxLength: 6 }),
      fc.array(length, { maxLength: 6 }),
      fc.integer({ min: 0, max: 14 }),
      fc.boolean(),
      async (older, newer, count, isBegun) => {
        const of = (lengths: number[], mark: string) =>
          lengths.map((n, i) => `${i}${mark.repeat(n)}`)
        const texts = [of(older, 'ä'), of(newer, 'b')]
        writeFileSync(`${path}.1`, texts[0]!.map((line) => `${line}\n`).join(''))
        const begun = isBegun ? 'a line that is being written' : ''
        writeFileSync(path, texts[1]!.map((line) => `${line}\n`).join('') + begun)
        const { lines, place } = await lastLines(path, count)
        await place.file.close()
        t.equal(place.position, statSync(path).size - begun.length)
        t.strictSame(lines, count === 0 ? [] : texts.flat().slice(-count))
        t.strictSame(await tailOf(path, count), lines)
      },
    ),
    { numRuns: 40 },
  )
  t.strictSame(await tailOf(`${path}.not`, 5), [])
})

t.test('a log that cannot be written ends nothing, and says later what is lost', async (t) => {
  const dir = join(scratch(t), 'later')
  const path = join(dir, 'daemon.log')
  const log = new LogFile(path, () => ({ bytes: 1000, files: 2 }))
  log.write('lost\n')
  log.write('lost too\n')
  mkdirSync(dir)
  log.write('{"msg":"there"}\n')
  log.close()
  const [first, second] = readFileSync(path, 'utf8').trim().split('\n')
  t.match(JSON.parse(first!), { level: 'warn', msg: /2 lines could not be written/ })
  t.equal(second, '{"msg":"there"}')
  t.equal(statSync(path).mode & 0o777, 0o600)
})

t.test('what is written together is one write, in files of the same size', (t) => {
  const dir = scratch(t)
  const path = join(dir, 'daemon.log')
  const log = new LogFile(path, () => ({ bytes: 200, files: 50 }))
  log.write('first\n')
  log.together(() => {
    for (const line of numbered(1, 9)) log.write(`${line}\n`)
    t.equal(readFileSync(path, 'utf8'), 'first\n', 'nothing is written on the way')
  })
  t.equal(readFileSync(path, 'utf8'), `first\n${numbered(1, 9).join('\n')}\n`)
  log.together(() => {
    for (const line of numbered(10, 99)) log.write(`${line}\n`)
  })
  log.close()
  const names = readdirSync(dir).sort((a, b) => Number(b.slice(11)) - Number(a.slice(11)))
  const texts = names.map((name) => readFileSync(join(dir, name), 'utf8'))
  t.equal(texts.join(''), `first\n${numbered(1, 99).join('\n')}\n`)
  t.ok(texts.every((one) => one.length <= 200))
  t.ok(texts.length <= 6, `${texts.length} files`)
  t.end()
})

t.test('when what is written together is lost, each line of it is counted', (t) => {
  const dir = join(scratch(t), 'later')
  const path = join(dir, 'daemon.log')
  const log = new LogFile(path, () => ({ bytes: 1000, files: 2 }))
  log.together(() => numbered(1, 3).forEach((line) => log.write(`${line}\n`)))
  mkdirSync(dir)
  log.write('there\n')
  log.close()
  t.match(readFileSync(path, 'utf8'), /3 lines could not be written/)
  t.end()
})

t.test('when fewer files are wanted, the others of the log are deleted', (t) => {
  const dir = scratch(t)
  const path = join(dir, 'daemon.log')
  let files = 5
  const log = new LogFile(path, () => ({ bytes: 20, files }))
  for (const line of numbered(1, 30)) log.write(`${line}\n`)
  writeFileSync(`${path}.3.gz`, 'not ours')
  const others = ['daemon.log.3.gz']
  t.equal(readdirSync(dir).length, 5 + others.length)
  files = 3
  log.write('x\n')
  t.same(readdirSync(dir).sort(), ['daemon.log', 'daemon.log.1', 'daemon.log.2', ...others])
  log.close()
  const next = new LogFile(path, () => ({ bytes: 20, files: 2 }))
  next.write('x\n')
  next.close()
  t.same(readdirSync(dir).sort(), ['daemon.log', 'daemon.log.1', ...others], 'also after a restart')
  t.end()
})

t.test('who follows a log misses no line when it is put aside', async (t) => {
  const path = join(scratch(t), 'daemon.log')
  const log = new LogFile(path, () => ({ bytes: 200, files: 50 }))
  for (const line of numbered(1, 30)) log.write(`${line}\n`)
  const { lines, place } = await lastLines(path, 5, all)
  t.strictSame(lines, numbered(26, 30))
  const heard: string[] = []
  const end = new AbortController()
  const following = (async () => {
    for await (const line of followLines(path, place, end.signal)) {
      heard.push(line)
      // A few at a time, so that some come while it waits and some while it reads.
      const next = 31 + heard.length
      if (heard.length % 7 === 0 && next < 300)
        for (const more of numbered(next, next + 6)) log.write(`${more}\n`)
      if (line === 'line 200') end.abort()
    }
  })()
  for (const line of numbered(31, 37)) log.write(`${line}\n`)
  await following
  log.close()
  t.strictSame(heard.slice(0, 170), numbered(31, 200))
})

t.test('without a log it says how to get one', async (t) => {
  const cli = emptyHome(t)
  t.match(await cli.run(['logs']), { code: 5, stderr: /no log .*daemon\.log; squadd start/ })
})

t.test('the log is filtered, harmless for people and whole for programs', async (t) => {
  const cli = emptyHome(t)
  mkdirSync(cli.home)
  const at = { time: '2026-11-24T18:00:00.123Z', component: 'squad' }
  const lines = [
    {
      ...at,
      level: 'info',
      msg: 'TaskStarted',
      agent: 'ada',
      task: 't1',
      attempt: 2,
      data: { a: 1 },
    },
    { ...at, level: 'warn', msg: 'TaskFailed', agent: 'bob', data: { reason: '\u001b[31mred\n' } },
    { ...at, level: 'error', msg: 'not handled', err: { stack: 'Error: x\n    at y' } },
  ]
  writeFileSync(
    join(cli.home, 'daemon.log'),
    `${lines.map((one) => JSON.stringify(one)).join('\nnot a line of the log\n')}\n`,
  )
  const of = async (...args: string[]) => (await cli.run(['logs', ...args])).stdout
  const text = await of()
  t.match(text, /^2026-\d\d-\d\d \d\d:\d\d:00\.123 INFO {2}squad TaskStarted ada t1#2 a=1$/m)
  t.match(text, /WARN {2}squad TaskFailed bob reason=red $/m)
  t.match(text, /ERROR squad not handled\n {2}Error: x\n {6}at y\n$/)
  t.strictSame(
    (await of('--json'))
      .trim()
      .split('\n')
      .map((one) => JSON.parse(one)),
    lines,
  )
  t.match(await of('--agent', 'ada', '--json'), /^[^\n]*TaskStarted[^\n]*\n$/)
  t.match(await of('--level', 'error', '--json'), /^[^\n]*not handled[^\n]*\n$/)
  t.match(
    await of('-n', '2', '--level', 'info', '--json'),
    /^[^\n]*TaskFailed[^\n]*\n[^\n]*not handled[^\n]*\n$/,
  )
  t.equal((await cli.run(['logs', '--level', 'loud'])).code, 2)
})

t.test(
  'a daemon tells what happens, follows are told over its restart, no secret is in it',
  async (t) => {
    const squad = new Squadd()
    t.teardown(() => squad.remove())
    squad.configure({ logFileBytes: 65_536, logFiles: 2 })
    await squad.json('start')
    const child = squad.begin('logs', '--follow', '--json')
    const heard: string[] = []
    const reader = createInterface({ input: child.stdout! }).on('line', (one) => heard.push(one))
    const until = async (what: RegExp) => {
      while (!heard.some((one) => what.test(one))) await once(reader, 'line')
    }
    const { id } = await squad.json<{ id: string }>('task', 'add', 'true')
    await squad.json('task', 'cancel', id)
    await until(/TaskCancelled/)
    const secret = 'ghp_0123456789abcdefghijABCDEFGHIJ0123'
    await squad.run('agent', 'add', 'ada', '--repo', squad.repo, '--branch', 'x', '--base', secret)
    await squad.json('restart')
    await until(/DaemonStarted/)
    child.kill('SIGINT')
    await squad.json('stop')
    const { stdout } = await squad.run('logs', '--json')
    t.match(stdout, /DaemonStopped/, 'also when no daemon runs')
    const cancelled = heard.map((one) => JSON.parse(one)).find(({ msg }) => msg === 'TaskCancelled')
    t.match(cancelled, {
      time: /T.*Z$/,
      level: 'info',
      component: 'squad',
      task: id,
      event: Number,
    })
    t.notMatch(stdout, secret)
  },
)

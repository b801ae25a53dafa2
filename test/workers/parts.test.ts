import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import {
  appendFileSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import fc from 'fast-check'
import t from 'tap'
import { attemptTransitions, nextAttemptState, sightOf } from '../../src/workers/attempt-state.ts'
import type { Sighting } from '../../src/workers/attempt-state.ts'
import { ControlModeReader } from '../../src/workers/control-mode.ts'
import { createOutboxWatch } from '../../src/workers/outbox-watch.ts'
import { keyOfFact, makeExitSlot, readFacts, takeLatch } from '../../src/workers/outbox.ts'
import { pipeScript, segmentsOf } from '../../src/workers/output-record.ts'
import { awaitTail, readTail } from '../../src/workers/output-tail.ts'
import { descendants, identify, isAlive, signal, startedWith } from '../../src/workers/processes.ts'
import { shellQuote } from '../../src/workers/shell-quote.ts'
import { endProcesses } from '../../src/workers/stop-ladder.ts'
import { stripTerminal } from '../../src/workers/strip-terminal.ts'
import { asWindowId, openWindow, parsePanes } from '../../src/workers/tmux-commands.ts'
import { holds } from '../support/property.ts'

t.test('stripped text has no control character but line feed and tab', async (t) => {
  const piece = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.constantFrom('\x1b[', '\x1b]', '\x1bP', '\x9b', '\x1b\\', '\x07', '\r', '\r\n', '\n', '31m'),
  )
  // oxlint-disable-next-line no-control-regex -- that is what it is about
  const control = /[\x00-\x08\x0b-\x1f\x7f-\x9f]/
  holds(
    t,
    fc.property(fc.array(piece), (pieces) => !control.test(stripTerminal(pieces.join('')))),
  )
  // Line and paragraph separators are not for a terminal either.
  const plain = fc
    .string({ unit: 'grapheme' })
    .filter((text) => !control.test(text) && !/[\u2028\u2029]/.test(text))
  holds(
    t,
    fc.property(plain, (text) => stripTerminal(`\x1b[1;31m${text}\x1b[0m\r\n`) === `${text}\n`),
  )
  const cases = [
    ['\x1b]0;title\x07text', 'text'],
    ['\x1b]777;sq;1f;0;null\x07', ''],
    ['\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\', 'link'],
    ['a stray \x1b]0;without end\nnext line', 'a stray \nnext line'],
    ['10%\r20%\r\n', '10%\n20%\n'],
    ['\x1b(B\x1b=\x1b>\x1b7\x1b[?25l\x1b[38;5;1mred\x1b[m', 'red'],
    ['\x9b31mred\x9dtitle\x9c!', 'red!'],
  ] as const
  for (const [given, wanted] of cases) t.equal(stripTerminal(given), wanted)
})

t.test('a quoted word reaches a program as it was', async (t) => {
  const word = fc.string({ unit: 'binary' }).map((text) => text.replaceAll('\0', "'"))
  const echo = `for word; do printf '%s\\0' "$word"; done`
  const property = fc.property(fc.array(word, { minLength: 1 }), (words) => {
    const input = `set -- ${words.map(shellQuote).join(' ')}; ${echo}`
    return execFileSync('sh', ['-s'], { input }).toString() === `${words.join('\0')}\0`
  })
  holds(t, property, 60)
})

t.test('control mode is read the same wherever it is cut', async (t) => {
  const said =
    '%begin 1 2 0\n%end 1 2 0\n%window-add @1\n%session-changed $0 sq\n%begin 3 4 1\n@1 77 t1\n%end 1 2 0\n%error 3 4 0\n' +
    '%end 3 4 1\n%unlinked-window-close @1\n%begin 5 6 1\nno such\n%error 5 6 1\n%window-close @2\n' +
    '%begin 7 8 0\nbad option\n%error 7 8 0\n'
  const whole = new ControlModeReader().read(said)
  t.same(whole, [
    { kind: 'attached' },
    { kind: 'reply', ok: true, lines: ['@1 77 t1', '%end 1 2 0', '%error 3 4 0'] },
    { kind: 'window-closed', window: '@1' },
    { kind: 'reply', ok: false, lines: ['no such'] },
    { kind: 'window-closed', window: '@2' },
    { kind: 'refused', message: 'bad option' },
  ])
  const pieces = fc.property(fc.array(fc.nat(said.length)), (cuts) => {
    const reader = new ControlModeReader()
    const places = [0, ...cuts.sort((a, b) => a - b), said.length]
    const notices = places.flatMap((at, i) => reader.read(said.slice(at, places[i + 1] ?? at)))
    return isDeepStrictEqual(notices, whole)
  })
  holds(t, pieces)
})

t.test('only generated names become tmux commands', async (t) => {
  t.match(openWindow('t12-3').join('\n'), /-n t12 .*\.\/launch\/t12-3\.sh\n.*pipe\.sh t12-3"$/)
  for (const key of ['t1-1;kill-server', 't1-1 ', '#(x)-1', '../t1-1', 't1-1\n', 't0-1', ''])
    t.throws(() => openWindow(key), { code: 'SQUADD_INTERNAL' })
  t.throws(() => asWindowId('@1;kill-server'), { code: 'SQUADD_TMUX' })
  t.same(parsePanes(['@3 77 t1', 'nonsense']), [{ window: '@3', pid: 77, name: 't1' }])
})

t.test('a fact counts when it is whole, whoever else wrote into the outbox', async (t) => {
  const outbox = t.testdir()
  const write = (name: string, text: string) => writeFileSync(join(outbox, name), text)
  const exitOf = (text: string) => (write('t1-1.exit', text), readFacts(outbox, 't1-1').exit)

  t.same(exitOf('{"status":3,"verify":null}\n'), { status: 3, verify: null })
  t.same(exitOf('{"status":0,"verify":9}\n\n\n\n'), { status: 0, verify: 9 })
  t.same(exitOf('{"worktree":"missing"}\n'), { worktree: 'missing' })
  for (const text of [
    '',
    '\n\n',
    '{"status":3',
    '{"status":3}',
    '{}\n',
    'x}\n',
    '{"status":999}\n',
  ])
    t.equal(exitOf(text), null, JSON.stringify(text))
  const fact = '{"status":7,"verify":null}'
  for (let length = 0; length < fact.length; length++)
    t.equal(exitOf(fact.slice(0, length) + '\n'.repeat(128 - length)), null, 'torn anywhere')

  t.equal(keyOfFact('t1-1.exit'), 't1-1')
  for (const name of ['t1-1.exit.tmp', 't1-1', '.exit', 't1.exit', 't1-1.exits', 'x.started'])
    t.equal(keyOfFact(name), undefined, name)

  makeExitSlot(outbox, 't2-1')
  t.match(readFacts(outbox, 't2-1'), { started: null, exit: null, endedAt: null })
  t.equal(takeLatch(outbox, 't2-1'), true)
  t.equal(takeLatch(outbox, 't2-1'), false)
  t.match(readFacts(outbox, 't2-1').started, { by: 'host' })
  write('t3-1.started', '')
  t.match(readFacts(outbox, 't3-1').started, { by: 'launcher', process: null })
})

t.test('an attempt moves as its table says', async (t) => {
  for (const [state, row] of Object.entries(attemptTransitions))
    for (const signal of ['started', 'ended', 'judged', 'recorded'] as const)
      t.equal(
        nextAttemptState(state as keyof typeof attemptTransitions, signal),
        (row as Record<string, string>)[signal],
      )
})

t.test('what became of an attempt is decided by facts', async (t) => {
  const none = { started: null, startedAt: null, exit: null, endedAt: null, hasSlot: true }
  const removed = { ...none, hasSlot: false }
  const begun = { ...none, started: { by: 'launcher', process: null } as const }
  const latched = { ...none, started: { by: 'host' } as const }
  const over = { ...begun, exit: { status: 0, verify: null } }
  const calm = {
    isLaunched: true,
    isLauncherAlive: false,
    isRebooted: false,
    isPatienceOver: false,
  }
  const cases: [Partial<Sighting> & Pick<Sighting, 'facts'>, string][] = [
    [{ facts: over, isRebooted: true }, 'ended'],
    [{ facts: latched, isRebooted: true }, 'ended'],
    [{ facts: begun, isLauncherAlive: true }, 'goes-on'],
    [{ facts: begun }, 'lost'],
    [{ facts: begun, isRebooted: true, isLauncherAlive: true }, 'lost'],
    [{ facts: none, isRebooted: true }, 'lost'],
    [{ facts: none, isLauncherAlive: true }, 'may-begin'],
    [{ facts: none, isLauncherAlive: true, isPatienceOver: true }, 'take-latch'],
    [{ facts: none }, 'take-latch'],
    [{ facts: removed }, 'lost'],
    [{ facts: removed, isLauncherAlive: true, isPatienceOver: true }, 'goes-on'],
    [{ facts: removed, isLaunched: false }, 'take-latch'],
  ]
  for (const [sighting, kind] of cases) t.equal(sightOf({ ...calm, ...sighting }).kind, kind)
})

t.test('the watch tells names, and sees a folder that is removed and made again', async (t) => {
  const dir = join(t.testdir(), 'outbox')
  const heard: (string[] | null)[] = []
  let wake = () => {}
  const stop = createOutboxWatch().watch(dir, (names) => (heard.push(names), wake()))
  t.teardown(stop)
  const until = (fits: () => boolean) =>
    new Promise<void>((resolve) => {
      wake = () => fits() && resolve()
      wake()
    })

  writeFileSync(join(dir, 't1-1.exit'), 'x')
  await until(() => heard.flat().includes('t1-1.exit'))
  for (const way of [
    () => rmSync(dir, { recursive: true }),
    () => renameSync(dir, `${dir}-away`),
    () => (rmSync(dir, { recursive: true }), mkdirSync(dir)),
  ]) {
    heard.length = 0
    way()
    await until(() => heard.includes(null))
    writeFileSync(join(dir, 't2-1.exit'), 'x')
    await until(() => heard.flat().includes('t2-1.exit'))
  }
})

t.test('the record of any output is its beginning and its end', async (t) => {
  const logs = t.testdir()
  const outputLimitBytes = 65_536
  const script = join(logs, 'pipe.sh')
  writeFileSync(script, pipeScript(logs, outputLimitBytes))
  for (const [i, size] of [0, 1, 12_287, 12_288, 60_000, 1_000_000].entries()) {
    const key = `t${i + 1}-1`
    const line = Buffer.from(`line of ${size} é\r\n`)
    const input = Buffer.concat([Buffer.alloc(size, line), Buffer.from('THE END')])
    spawnSync('sh', [script, key], { input })
    const names = readdirSync(logs).filter((name) => name.startsWith(`${key}.log.`))
    const parts = names.map((name) => readFileSync(join(logs, name)))
    t.ok(parts.reduce((sum, part) => sum + part.length, 0) <= outputLimitBytes, `${size}`)
    const first = readFileSync(join(logs, `${key}.log.0`))
    t.ok(input.subarray(0, first.length).equals(first), 'the beginning')
    t.ok(first.length >= Math.min(input.length, segmentsOf(outputLimitBytes).segmentBytes))
    const options = { logs, key, outputLimitBytes, outputTailBytes: 1024, nonce: 'abc' }
    const { text } = readTail(options)
    t.ok(Buffer.byteLength(text) <= 1024 && text.endsWith('THE END'))
    t.ok(stripTerminal(input.toString()).endsWith(text), 'the end, from a whole line on')
  }
})

t.test('the end of an output is awaited as long as its record grows', async (t) => {
  const logs = t.testdir()
  const key = 't1-1'
  const options = { logs, key, outputLimitBytes: 65_536, outputTailBytes: 1024, nonce: 'abc' }
  const record = (text: string) => appendFileSync(join(logs, `${key}.log.0`), text)
  record('begin\n')
  let lines = 0
  const writing = setInterval(() => {
    record(`line ${++lines}\n`)
    if (lines < 15) return
    clearInterval(writing)
    record('\x1b]777;sq;abc;0;null\x07')
  }, 100)
  t.match(await awaitTail(options), { end: { status: 0, verify: null }, text: /line 15\n$/ })
})

t.test('the bound on output is kept for every limit', async (t) => {
  const property = fc.property(fc.integer({ min: 65_536, max: 4_294_967_296 }), (limit) => {
    const { segmentBytes, blockBytes, blocks } = segmentsOf(limit)
    return blocks >= 1 && segmentBytes > 0 && 4 * (segmentBytes + blockBytes * blocks) <= limit
  })
  holds(t, property)
})

t.test('processes are found by what they carry and by their parents', async (t) => {
  const id = `parts${process.pid}/a1/t1-1`
  const variable = `SQUADD_RUN_ID=${id}\0`
  const script = 'setsid env -i sleep 1001 & setsid sleep 1002 & echo up; exec sleep 1003'
  const env = {
    PATH: process.env['PATH'],
    SQUADD_RUN_ID: id,
    OTHER: `OLD_${variable.slice(0, -1)}`,
  }
  const child = spawn('sh', ['-c', script], { env, stdio: ['ignore', 'pipe', 'ignore'] })
  await once(child.stdout, 'data')
  const root = identify(child.pid ?? 0)
  t.ok(root && startedWith([variable]).some(({ pid }) => pid === root.pid))
  t.equal(descendants(child.pid ?? 0).length, 2)
  t.ok(startedWith([`SQUADD_RUN_ID=${id.slice(0, -1)}`]).length > 0, 'a value that begins so')
  t.same(startedWith([`SQUADD_RUN_ID=${id.slice(0, -1)}\0`]), [], 'or exactly that value')
  t.same(startedWith([`RUN_ID=${id}\0`, `D_RUN_ID=${id}`]), [], 'of the whole name')

  t.equal(isAlive({ pid: process.pid, start: '1' }), false, 'a pid used again is another process')
  t.equal(signal({ pid: process.pid, start: '1' }, 'SIGKILL'), false)
  const find = () => [...startedWith([variable]), ...descendants(child.pid ?? 0)]
  t.same(await endProcesses({ find, graceMs: 5000 }), [])
  t.same(find(), [])
})

import fc from 'fast-check'
import stringWidth from 'string-width'
import t from 'tap'
import type { TopFacts } from '../../bin/top/facts.ts'
import { keysIn } from '../../bin/top/screen.ts'
import { age, cell, cost, fit, memory, plainText } from '../../bin/top/text.ts'
import type { Size } from '../../bin/top/view.ts'
import { snapshot, view } from '../../bin/top/view.ts'
import type { AgentView } from '../../src/supervisor/domain/agent.ts'
import { agentStates, createAgent } from '../../src/supervisor/domain/agent.ts'
import type { SquadStatus } from '../../src/supervisor/domain/squad.ts'

const now = 1_800_000_000_000

function agent(id: string, more: Partial<AgentView> = {}): AgentView {
  const { repo, program, mode, labels, branch } = createAgent({ id, repo: '/repo' })
  return {
    ...{ id, state: 'idle', reason: null, program, mode, labels, repo, branch },
    ...{ worktree: '/w', loadScore: 0, cpuPercent: 0, memoryBytes: 0, currentTask: null },
    ...{ tasksCompleted: 0, tasksFailed: 0, costUsd: 0, circuitState: 'closed' as const },
    ...{ hostPid: 1, programPid: null, tmuxSocket: '/s', createdAt: now, updatedAt: now },
    evidence: [{ source: 'host', at: now - 65_000, detail: 'tmux server 7' }],
    ...more,
  } as AgentView
}

function facts(agents: AgentView[], more: Partial<TopFacts> = {}): TopFacts {
  const states: SquadStatus['agents'] = { total: agents.length }
  for (const { state } of agents) states[state] = (states[state] ?? 0) + 1
  const tasks = {
    ...{ blocked: 0, delayed: 2, ready: 37, running: 1, held: 1 },
    ...{ completed: 12, failed: 3, cancelled: 0 },
  }
  const byPriority = { critical: 1, high: 0, normal: 36, low: 0 }
  const status: SquadStatus = {
    ...{ version: '1.2.3', pid: 7, home: '/home/me', uptimeMs: 7_200_000, agents: states, tasks },
    queue: { byPriority, isWhole: true, oldestReadyAt: now - 180_000 },
    ...{ lastEvent: 7, sampleIntervalMs: 5000 },
  }
  return {
    now,
    status,
    agents,
    tasks: new Map(),
    selected: agents[0]?.id ?? null,
    message: null,
    ...more,
  }
}

const crew = [
  agent('ada', {
    ...{ state: 'running', currentTask: 't12', programPid: 9, cpuPercent: 98.6 },
    ...{ memoryBytes: 325_058_560, costUsd: 0.42 },
    evidence: [{ source: 'hook', at: now - 12_000, detail: 'UserPromptSubmit' }],
  }),
  agent('bob', { state: 'waiting', reason: 'May I run npm test?', currentTask: 't13' }),
  agent('cid', { state: 'failed', reason: '5 restarts in 60s' }),
  agent('dora'),
]
const prompts = new Map([
  ['t12', { prompt: 'Fix the parser\nand more', priority: 'high' as const }],
])

const text = (given: TopFacts, size: Size) => view(given, size).map(plainText)

t.test('at 80x24 it is this screen', (t) => {
  const lines = text(facts(crew, { tasks: prompts }), { columns: 80, rows: 24 })
  t.equal(lines.length, 24)
  t.strictSame(
    lines.map((line) => line.trimEnd()),
    [
      'squadd 1.2.3  up 2h · cpu 99% · memory 310M · cost $0.42  /home/me',
      'agents 4  1 running, 1 waiting, 1 failed, 1 idle',
      'queue  37 ready  1 critical, 36 normal  oldest 3m  2 delayed, 1 held',
      'tasks  1 running, 12 completed, 3 failed',
      '',
      '  AGENT STATE     FOR TASK  CPU   MEM  COST DOING',
      '> ada   running   12s t12   99%  310M $0.42 Fix the parser',
      '  bob   waiting    1m t13     -     -     - ? May I run npm test?',
      '  cid   failed     1m -       -     -     - 5 restarts in 60s',
      '  dora  idle       1m -       -     -     -',
      '! bob t13 1m: May I run npm test?',
      '! 1 task is held: squadd task list --state held',
      ...Array.from({ length: 9 }, () => ''),
      'ada shell headless · squadd/ada · t12 high',
      'running · evidence: hook, 12s ago: UserPromptSubmit',
      '↑↓ select · a attach · w attach to type · p pause/resume · c cancel · q quit',
    ],
  )
  t.end()
})

t.test('at 200x50 there is more of each agent', (t) => {
  const lines = text(facts(crew, { tasks: prompts }), { columns: 200, rows: 50 })
  t.equal(lines.length, 50)
  t.strictSame(
    lines.slice(4, 10).map((line) => line.trimEnd()),
    [
      '',
      '   AGENT  STATE      FOR  TASK   CPU    MEM   COST  DONE  FAIL  PROGRAM  EVIDENCE                DOING',
      '>  ada    running    12s  t12    99%   310M  $0.42     0     0  shell    hook: UserPromptSubmit  Fix the parser',
      '   bob    waiting     1m  t13      -      -      -     0     0  shell    host: tmux server 7     ? May I run npm test?',
      '   cid    failed      1m  -        -      -      -     0     0  shell    host: tmux server 7     5 restarts in 60s',
      '   dora   idle        1m  -        -      -      -     0     0  shell    host: tmux server 7',
    ],
  )
  t.end()
})

t.test('the selected agent is seen, however many there are', (t) => {
  const many = Array.from({ length: 40 }, (_, i) => agent(`a${i}`))
  for (const selected of ['a0', 'a7', 'a20', 'a39']) {
    const lines = text(facts(many, { selected }), { columns: 80, rows: 24 })
    t.equal(lines.length, 24)
    t.ok(
      lines.some((line) => line.startsWith(`> ${selected} `)),
      selected,
    )
    t.ok(
      lines.some((line) => /agents \d+ to \d+ of 40/.test(line)),
      'and where one is',
    )
  }
  t.end()
})

t.test('whatever the squad is and says, no line is too wide, none too many, none harmful', (t) => {
  const words = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 60 }),
    fc.constantFrom(
      '日本語のテキスト',
      '🎉👩‍👩‍👧',
      '\u001b[31mred',
      'a\nb\tc',
      '\u202eabc',
      'x'.repeat(300),
    ),
  )
  const one = fc.record({
    id: fc.string({ minLength: 1, maxLength: 48, unit: 'grapheme-ascii' }),
    state: fc.constantFrom(...agentStates),
    reason: fc.option(words),
    detail: words,
    cpuPercent: fc.double({ min: 0, max: 100_000, noNaN: true }),
    memoryBytes: fc.nat(2_000_000_000),
    costUsd: fc.double({ min: 0, max: 1e7, noNaN: true }),
    prompt: words,
  })
  const size = fc.record({
    columns: fc.integer({ min: 1, max: 220 }),
    rows: fc.integer({ min: 1, max: 60 }),
  })
  // oxlint-disable-next-line no-control-regex -- this is what must not be there
  const control = /[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]/
  fc.assert(
    fc.property(
      fc.array(one, { maxLength: 12 }),
      size,
      fc.option(words),
      (some, given, message) => {
        const agents = some.map(
          ({ detail, id, state, reason, cpuPercent, memoryBytes, costUsd }, i) => ({
            ...agent('x', { state, reason, cpuPercent, memoryBytes, costUsd }),
            ...{ id, currentTask: `t${i}`, programPid: 1 },
            evidence: [{ source: 'screen', at: now, detail }],
          }),
        )
        const tasks = new Map(
          some.map(({ prompt }, i) => [`t${i}`, { prompt, priority: 'low' as const }]),
        )
        const all = facts(agents, { tasks, message })
        const lines = text(all, given)
        if (lines.length !== given.rows) return false
        if (lines.some((line) => stringWidth(line) > given.columns || control.test(line)))
          return false
        return !snapshot(all, given.columns).some((line) => control.test(plainText(line)))
      },
    ),
    { numRuns: 100 },
  )
  t.end()
})

t.test('a snapshot has every agent and no keys', (t) => {
  const many = Array.from({ length: 100 }, (_, i) => agent(`a${i}`))
  const lines = snapshot(facts(many), 120).map(plainText)
  for (const { id } of many) t.ok(lines.some((line) => line.includes(` ${id} `)))
  t.notOk(lines.some((line) => line.includes('select') || line.startsWith('>')))
  t.match(snapshot(facts([]), 80).map(plainText).join('\n'), /no agents yet: squadd agent add/)
  t.end()
})

t.test('numbers are short', (t) => {
  t.strictSame([0, 59_999, 60_000, 3_599_999, 3_600_000, 172_799_999, 172_800_000, -5].map(age), [
    '0s',
    '59s',
    '1m',
    '59m',
    '1h',
    '47h',
    '2d',
    '0s',
  ])
  t.strictSame([0, 1, 1_048_576, 1_048_576_000, 20e9].map(memory), [
    '-',
    '<1M',
    '1M',
    '1.0G',
    '18.6G',
  ])
  t.strictSame([0, 0.004, 12.345, 1234.5].map(cost), ['-', '$0.00', '$12.35', '$1235'])
  t.end()
})

t.test('text is cut by the columns it takes', (t) => {
  t.strictSame(
    [fit('日本語', 6), fit('日本語', 5), fit('日本語', 4), fit('ab', 0)],
    ['日本語', '日本…', '日…', ''],
  )
  t.equal(cell('日本', 6), '日本  ')
  t.equal(cell('7', 3, 'right'), '  7')
  t.end()
})

t.test('keys are told apart, also when they come together', (t) => {
  t.strictSame(keysIn('\u001b[A\u001bOBj\r\u0003\u001b[1;5Ap'), [
    'up',
    'down',
    'j',
    'enter',
    'quit',
    '\u001b[1;5A',
    'p',
  ])
  t.strictSame(keysIn('\u001b'), ['escape'])
  t.end()
})

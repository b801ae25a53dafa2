import t from 'tap'
import { defaults } from '../../src/supervisor/domain/config.ts'
import { createTask } from '../../src/supervisor/domain/create-task.ts'
import type { Task } from '../../src/supervisor/domain/task.ts'
import { admissionBar } from '../../src/supervisor/policy/admission.ts'
import { breakerDefaults, closedBreaker } from '../../src/supervisor/policy/breaker.ts'
import type { AgentFacts, SquadFacts } from '../../src/supervisor/policy/eligibility.ts'
import type { TaskFacts } from '../../src/supervisor/policy/explain.ts'
import { explainAgent, explainTask } from '../../src/supervisor/policy/explain.ts'

const now = 1_700_000_000_000
const { prompt, priority, ...spec } = createTask({ prompt: 'x' }, defaults)

const task: Task = {
  ...{ id: 't7', prompt, priority, state: 'ready', rank: now, lane: 'any', createdAt: now - 5000 },
  ...{ attempt: 0, fence: 0, starts: 0, spentMs: 0, spentUsd: 0, agent: null, want: null },
  ...{ reason: null, outcome: null, cause: null, result: null, spec },
  ...{ notBeforeAt: null, startedAt: null, endedAt: null, unmet: 0 },
} as Task

const ada: AgentFacts = {
  ...{ id: 'ada', labels: [], program: 'shell', state: 'idle', goal: 'up', reason: null },
  ...{ currentTask: null, isLeaving: false, isTidying: false, breaker: closedBreaker },
}

const squad: SquadFacts = {
  now,
  breakers: breakerDefaults,
  programBreaker: () => closedBreaker,
  running: { program: new Map([['shell', 2]]), label: new Map([['gpu', 1]]) },
  limits: { program: {}, label: {} },
}

const facts: TaskFacts = {
  ...{ task, now, squad, agents: [ada], admission: null, parents: [], ahead: 3 },
}

const open = { kind: 'open', until: now + 60_000 } as const
const calm = {
  ...{ draining: false, runningTasks: 2, maxConcurrentTasks: 9, pressure: null },
}
const agent = (more: Partial<AgentFacts>) => ({ agents: [{ ...ada, ...more }] })
const inState = (more: Partial<Task>) => ({ task: { ...task, ...more } })

type Row = [situation: string, facts: Partial<TaskFacts>, says: object]

const table: Row[] = [
  ['an agent is free', {}, { summary: /an agent is free: it is next after 3 others/, reasons: [] }],
  [
    'its agent runs another',
    agent({ state: 'running', currentTask: 't3' }),
    { reasons: [{ code: 'busy', text: 'ada runs t3' }], summary: /3 tasks go before it/ },
  ],
  [
    'its agent waits for a person',
    agent({ state: 'waiting', currentTask: 't3', reason: 'may I?' }),
    { reasons: [{ code: 'busy', text: 'ada waits for a person: may I?' }] },
  ],
  [
    'its agent tidies up',
    agent({ state: 'running', currentTask: 't3', isTidying: true }),
    { reasons: [{ code: 'busy', text: 'ada tidies up after t3' }] },
  ],
  [
    'its agent tidies up, and its breaker is open: that one lasts',
    agent({ state: 'running', currentTask: 't3', isTidying: true, breaker: open }),
    { reasons: [{ code: 'agent-breaker', until: open.until }] },
  ],
  [
    'its agent tidies up and is to be paused',
    agent({ state: 'running', currentTask: 't3', isTidying: true, goal: 'paused' }),
    { reasons: [{ code: 'agent-state', text: 'ada is to be paused' }] },
  ],
  [
    'its agent is just being ended, though it is wanted again',
    agent({ state: 'idle', isLeaving: true }),
    { reasons: [{ code: 'agent-state', text: 'ada is just being ended' }], wayOut: [] },
  ],
  [
    'its agent is paused',
    agent({ state: 'paused', reason: 'paused' }),
    { reasons: [{ code: 'agent-state' }], wayOut: ['squadd agent resume ada'] },
  ],
  [
    'its agent has failed',
    agent({ state: 'failed', reason: 'too often' }),
    {
      reasons: [{ code: 'agent-state', text: 'ada is failed: too often' }],
      wayOut: ['squadd agent reset ada'],
    },
  ],
  [
    'all probes of its agent are out',
    agent({ breaker: { kind: 'half-open', since: now, admitted: 2, succeeded: 0 } }),
    { reasons: [{ code: 'agent-breaker', text: /half-open and all its probes are out/ }] },
  ],
  [
    'the breaker of the program is open',
    { squad: { ...squad, programBreaker: () => open } },
    { reasons: [{ code: 'program-breaker', text: /shell is open/, until: open.until }] },
  ],
  [
    'the program has its limit',
    { squad: { ...squad, limits: { program: { shell: 2 }, label: {} } } },
    { reasons: [{ code: 'program-limit', text: '2 of at most 2 tasks run on shell' }] },
  ],
  [
    'the label has its limit',
    {
      ...agent({ labels: ['gpu'] }),
      squad: { ...squad, limits: { program: {}, label: { gpu: 1 } } },
    },
    { reasons: [{ code: 'label-limit', text: /1 of at most 1 tasks .* label gpu/ }] },
  ],
  [
    'as many tasks run as may',
    { admission: admissionBar({ ...calm, runningTasks: 9 }) },
    { reasons: [{ code: 'concurrency' }], summary: /maxConcurrentTasks\) is 9/ },
  ],
  [
    'the machine is too busy',
    { admission: admissionBar({ ...calm, pressure: 'load 9.0 per core, the limit is 4' }) },
    { reasons: [{ code: 'pressure' }], summary: /load 9\.0 per core/ },
  ],
  [
    'the squad shuts down',
    { admission: admissionBar({ ...calm, draining: true }) },
    { reasons: [{ code: 'draining' }] },
  ],
  [
    'nobody has its label',
    inState({ lane: 'label:gpu' }),
    { reasons: [{ code: 'no-agent' }], wayOut: [/labelled gpu/, /task cancel t7/] },
  ],
  [
    'its parent is held',
    { ...inState({ state: 'blocked' }), parents: [{ id: 't2', state: 'held' }] },
    { reasons: [{ code: 'parent', text: 't2 is held' }], wayOut: [/explain t2/] },
  ],
  [
    'it backs off',
    inState({ state: 'delayed', notBeforeAt: now + 60_000, reason: 'exit status 1' }),
    { reasons: [{ code: 'not-before', until: now + 60_000 }], summary: /1m more: exit status 1/ },
  ],
  [
    'it is held',
    inState({ state: 'held', reason: 'the launcher died' }),
    { reasons: [{ code: 'held' }], wayOut: [/release t7/, /cancel t7/], summary: /launcher died/ },
  ],
  [
    'it runs, and was asked to stop',
    inState({ state: 'running', agent: 'ada', startedAt: now - 2000, want: 'cancelled' }),
    { reasons: [{ code: 'running' }], summary: /ada has it since 2s.*asked to stop \(cancelled\)/ },
  ],
]

for (const [situation, given, says] of table)
  t.test(`explain: ${situation}`, async (t) => {
    const explanation = explainTask({ ...facts, ...given })
    t.match(explanation, { subject: 't7', ...says })
    t.ok(explanation.evidence.length > 0, 'a state has its evidence')
  })

t.test('an agent is explained by the same rules', async (t) => {
  const of = (more: Partial<AgentFacts>) => explainAgent({ ...ada, ...more }, squad, null, [])
  t.match(of({}), { summary: 'ada may take a task now', reasons: [], wayOut: [] })
  t.match(of({ breaker: open }), { reasons: [{ code: 'agent-breaker', until: open.until }] })
  t.match(of({ state: 'stopped', reason: 'stopped' }), { wayOut: ['squadd agent resume ada'] })
})

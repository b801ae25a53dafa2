import fc from 'fast-check'
import t from 'tap'
import { servedHome } from '../support/cli.ts'
import { seed } from '../support/seed.ts'

t.setTimeout(300_000)

/* oxlint-disable no-control-regex -- this is what must not be there */
const acted =
  /[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\p{Cs}]/u
/* oxlint-enable no-control-regex */

/** What terminals act upon, most of it broken off or mixed with other things. */
const part = fc.oneof(
  fc.constantFrom(
    '\x1b[',
    '\x1b]',
    '\x1bP',
    '\x1b_',
    '\x1b^',
    '\x1bX',
    '\x9b',
    '\x9d',
    '\x90',
    '\x9f',
  ),
  fc.constantFrom('\x1b\\', '\x07', '\x9c', '\r', '\b', '\x7f', '\x1bc', '\x1b(0', '\x0e', '\x0f'),
  fc.constantFrom('52;c;ZXZpbA==', '0;title', '8;;http://evil.test', '7;file:///', '1337;File=x'),
  fc.constantFrom('2J', '6n', '>c', '21t', '?1049h', '201~', '$qm', '\u202e', '\u200b', '\u2066'),
  fc.string({ unit: 'binary', maxLength: 4 }),
)
const sequence = fc.array(part, { minLength: 1, maxLength: 8 }).map((parts) => parts.join(''))

t.test(`2,000 terminal sequences: none reaches a terminal (seed ${seed})`, async (t) => {
  const { cli, squad } = await servedHome(t)
  const sequences = fc.sample(sequence, { numRuns: 2000, seed })
  const all = sequences.join(' ')
  t.match(all, acted, 'they would be acted upon')
  await squad.addAgent({ id: 'a1', repo: '/repo' })
  const evidence = sequences.map((detail) => ({ source: detail, at: 0, detail }))
  Object.assign(squad.agentView('a1'), { reason: all, worktree: all, branch: all, evidence })
  await squad.submit(sequences.slice(0, 900).map((prompt) => ({ prompt: `${prompt} x` })))
  await squad.submit([{ prompt: all }])
  squad.finish('t1', false, all)
  const result = squad.task('t1').result!
  Object.assign(squad.task('t1'), { reason: all, result: { ...result, error: all, evidence } })
  squad.text = sequences.join('\n')
  squad.explain = (subject) => ({
    ...{ subject, state: all, summary: all, since: 0, evidence },
    reasons: sequences.map((text) => ({ code: 'x', text, until: null })),
    wayOut: sequences,
  })
  for (const reason of sequences)
    squad.emit({ type: 'AgentFailed', agentId: 'a1', data: { reason } })
  const commands = ['agent list', 'agent show a1', 'agent screen a1', 'agent diff a1', 'explain a1']
  commands.push('task list --limit 1000', 'task show t1', 'task output t1', 'task diff t1')
  commands.push('explain t1', 'events', 'agent pause a1', 'task wait t1')
  let shown = 0
  for (const command of commands)
    for (const words of [command.split(' '), [...command.split(' '), '--json']]) {
      const { stdout, stderr } = await cli.run(words)
      shown += stdout.length
      t.equal(acted.exec(stdout + stderr), null, `squadd ${words.join(' ')}`)
    }
  t.ok(shown > 20 * all.length, `${shown} characters shown`)
  for (const one of sequences.slice(0, 20)) {
    const refused = await cli.run(['agent', 'show', one.replaceAll('\0', '')])
    t.equal(acted.exec(refused.stdout + refused.stderr), null, 'an error that quotes it')
  }
})

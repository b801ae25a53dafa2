import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { geteuid } from 'node:process'
import t from 'tap'
import { Crew } from './crew.ts'
import type { Program } from './home.ts'
import { traits } from './traits.ts'

/** `node non-root.ts PROGRAM`: a squad of a user who is not root; run by non-root.agents.ts. */
const program = process.argv[2] as Program
const { asking, untouched } = traits[program]

t.setTimeout(1_200_000)
t.not(geteuid!(), 0, 'whoever runs this is not root')

const done = (output: string | RegExp) => ({ state: 'completed', result: { output } })

for (const mode of ['interactive', 'headless'] as const)
  t.test(`${mode}: answers, files, permissions, one conversation`, async (t) => {
    const crew = await Crew.open(t, program)
    const before = crew.userFiles(...untouched)
    await crew.agent('ada', { mode })
    t.match(await crew.do('[[say: HELLO]]'), done('HELLO'))
    const made = await crew.do('[[write: made.txt|hi]] [[say: WROTE]]')
    t.match(made, { ...done('WROTE'), result: { git: { filesChanged: 1, dirty: true } } })
    const inWorktree = async (name: string) => join(await crew.worktree('ada'), name)
    t.equal(readFileSync(await inWorktree('made.txt'), 'utf8').trim(), 'hi')

    if (mode === 'interactive') {
      const asks = await crew.add(`${asking('touch yes.txt')} [[say: TOUCHED]]`)
      t.match(await crew.question(asks.id), 'touch yes.txt')
      await crew.answer('ada', 'yes')
      t.match(await crew.settled(asks.id), done('TOUCHED'))
      t.ok(existsSync(await inWorktree('yes.txt')), 'it was allowed to')
    }
    const failed = await crew.attempt('[[status: 400]]')
    t.match(failed, { outcome: 'failed', cause: 'agent_error' })

    t.equal((await crew.run('agent', 'pause', 'ada', '--release')).exitCode, 0)
    await crew.client.call('agents.resume', { id: 'ada' })
    t.match(await crew.do('[[recall]]'), done(/first=.*m1/), 'it still knows the first prompt')
    t.same(crew.userFiles(...untouched), before, 'the files of the user are as they were')

    t.equal((await crew.run('agent', 'remove', 'ada')).exitCode, 0)
    t.equal((await crew.run('stop', '--stop-agents')).exitCode, 0)
    t.same(crew.leftovers(), [], 'nothing of it is left')
  })

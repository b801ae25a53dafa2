import { chmodSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { createAgent } from '../../src/supervisor/domain/agent.ts'
import type { AgentInput } from '../../src/supervisor/domain/agent.ts'
import { checkProgram } from '../../src/workers/executable.ts'
import { Squadd } from '../support/squadd.ts'

t.test('an agent whose program is not installed is refused, with the way out', (t) => {
  const bin = t.testdir({ claude: '', aider: { not: 'a file' } })
  const agent = (input: Partial<AgentInput>) => createAgent({ id: 'ada', repo: '/repo', ...input })
  const check = (program: AgentInput['program'], PATH = bin) => {
    const spec = agent({
      program: program!,
      mode: 'headless',
      argv: program === 'command' ? ['x'] : [],
    })
    return () => checkProgram(spec, { PATH })
  }
  const missing = {
    code: 'SQUADD_BAD_CONFIG',
    data: { field: 'program', value: 'codex', hint: /install it/ },
    message: /^program codex: codex is not installed/,
  }
  t.throws(check('codex'), missing)
  t.throws(check('claude'), { code: 'SQUADD_BAD_CONFIG' }, 'a file that nobody may run')
  t.throws(check('aider'), { code: 'SQUADD_BAD_CONFIG' }, 'a folder')
  chmodSync(join(bin, 'claude'), 0o755)
  t.doesNotThrow(check('claude'))
  t.doesNotThrow(check('claude', `/nowhere:${bin}`))
  t.throws(check('claude', ''), { code: 'SQUADD_BAD_CONFIG' }, 'no PATH at all')
  t.doesNotThrow(check('command'), 'its own business')
  t.doesNotThrow(check('shell', '/bin'))
  t.end()
})

t.test('squadd agent add refuses it before anything is made', async (t) => {
  const squad = new Squadd({ PATH: `${join(process.execPath, '..')}:/usr/bin:/bin` })
  t.teardown(() => squad.remove())
  await squad.json('start')
  const args = ['agent', 'add', 'ada', '--program', 'aider', '--repo', squad.repo]
  const { exitCode, stderr } = await squad.run(...args)
  t.equal(exitCode, 78)
  t.match(stderr, /aider is not installed; install it/)
  t.same(await squad.json('agent', 'list'), [])
  t.notMatch(squad.git('branch', '--list'), 'squadd/')
})

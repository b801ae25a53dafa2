import t from 'tap'
import { Crew } from './crew.ts'
import { chosenPrograms } from './home.ts'
import { outside } from './namespace.ts'

t.setTimeout(1_200_000)

type Report = { ok: boolean; signals: { name: string; seen: boolean }[] }

for (const program of chosenPrograms())
  t.test(`${program}: squadd doctor sees each of its signals`, { skip: outside() }, async (t) => {
    const crew = await Crew.open(t, program)
    const key = program === 'codex' ? ['--env', 'STUB_API_KEY'] : []
    const doctor = (...args: string[]) =>
      crew.run('doctor', '--program', program, '--json', ...key, ...args)
    for (const mode of ['interactive', 'headless']) {
      const { exitCode, stdout, stderr } = await doctor('--mode', mode)
      t.equal(exitCode, 0, `${mode}: ${stderr}`)
      const { ok, signals } = JSON.parse(stdout) as Report
      const missing = signals.filter(({ seen }) => !seen).map(({ name }) => name)
      t.same({ ok, missing }, { ok: true, missing: [] }, mode)
    }
    const { exitCode, stdout } = await doctor('--env', 'PATH=/usr/bin:/bin')
    t.not(exitCode, 0, 'one that is not there')
    t.notMatch(stdout, /"ok":\s*true/)
  })

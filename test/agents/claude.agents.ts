import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Test } from 'tap'
import t from 'tap'
import { outside } from './namespace.ts'
import { Scene } from './scene.ts'
import { suite } from './suite.ts'

t.setTimeout(900_000)
suite(t, { program: 'claude', mode: 'interactive', differs: { asksAgainWhenEmpty: true } })

const skip = outside()

async function open(t: Test): Promise<Scene> {
  const scene = await new Scene('claude').open()
  t.teardown(() => scene.close())
  return scene
}

t.test('a subagent and a background command delay the end', { skip }, async (t) => {
  const scene = await open(t)
  await scene.add('one')
  const delegated = await scene.do(
    '[[id: parent]] [[agent: [[id: child]] ((delay: 3)) ((say: SUB))]] [[say: after it]]',
  )
  t.match(delegated, { state: 'completed' })
  const asked = scene.stub.requests().filter(({ lastByteAt }) => lastByteAt !== null)
  t.ok(
    asked.every(({ lastByteAt }) => lastByteAt! <= delegated.endedAt!),
    'nothing came later',
  )
  const background = await scene.do(
    '[[id: bg]] [[tool: Bash {"command":"sleep 3; echo late","run_in_background":true}]] [[say: begun]]',
  )
  t.match(background, { state: 'completed' })
  t.ok(background.result!.durationMs >= 3000, 'it waits for what it began')
})

t.test("a user's own hook that blocks the end is waited for", { skip }, async (t) => {
  const scene = await open(t)
  const flag = join(scene.dir, 'blocked-once')
  const command = `[ -e '${flag}' ] || { touch '${flag}'; echo '{"decision":"block","reason":"Say it again. [[say: again]]"}'; }`
  mkdirSync(join(scene.home, '.claude'), { recursive: true })
  writeFileSync(
    join(scene.home, '.claude', 'settings.json'),
    JSON.stringify({ hooks: { Stop: [{ hooks: [{ type: 'command', command }] }] } }),
  )
  await scene.add('one')
  const task = await scene.do('[[id: blocked]] [[say: the first end]]')
  t.match(task, { state: 'completed' })
  t.notMatch(task.result?.output, 'the first end', 'the answer is the last one')
  const last = scene.stub.requests().findLast(({ side, api }) => api !== null && !side)!
  t.ok(task.endedAt! >= last.lastByteAt!, 'recorded after the real end')
})

t.test('nothing of ours is left with the user or in the repository', { skip }, async (t) => {
  const scene = await open(t)
  mkdirSync(join(scene.home, '.claude'), { recursive: true })
  const settings = join(scene.home, '.claude', 'settings.json')
  writeFileSync(settings, '{ "theme": "light" }\n')
  const before = scene.snapshot(scene.home).get(settings)
  const agent = await scene.add('one')
  t.match(await scene.do('[[id: one]] [[say: hello]]'), { state: 'completed' })
  t.equal(
    scene.snapshot(scene.home).get(settings),
    before,
    'his settings are byte by byte the same',
  )
  const ours = [...scene.snapshot(scene.home)].filter(([, text]) => text.includes('.hook'))
  t.same(
    ours.map(([path]) => path).filter((path) => !path.includes('/projects/')),
    [],
    'no hook of ours stands in his files; the record of the conversation names them',
  )
  t.same(scene.squad.git('-C', agent.worktree, 'status', '--porcelain'), '')
})

t.test('a program that is not set up says so', { skip }, async (t) => {
  const scene = await open(t)
  writeFileSync(join(scene.home, '.claude.json'), '{"hasCompletedOnboarding":true,"theme":"dark"}')
  await scene.add('one')
  const task = await scene.do('[[say: hello]]', { maxAttempts: 1 })
  t.match(task, { outcome: 'failed', cause: 'auth', reason: /run claude once as this user/ })
})

import { execaSync } from 'execa'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Test } from 'tap'
import t from 'tap'
import { AgentOrchestrator, Instance, ManagedAgent } from 'squadd'

/** A scratch repository with one commit. */
function scratch(t: Test): string {
  const repo = mkdtempSync(join(tmpdir(), 'squadd-repo-'))
  t.teardown(() => rmSync(repo, { recursive: true, force: true }))
  execaSync('git', ['init', '-q', '-b', 'main', repo])
  writeFileSync(join(repo, 'README.md'), '# scratch\n')
  const who = ['-c', 'user.name=test', '-c', 'user.email=test@localhost']
  execaSync('git', ['-C', repo, ...who, 'add', '.'])
  execaSync('git', ['-C', repo, ...who, 'commit', '-q', '-m', 'first'])
  return repo
}

t.test('the sketch of the README works', async (t) => {
  const repo = scratch(t)
  const orchestrator = new AgentOrchestrator({ maxConcurrentTasks: 3 })
  for (const title of ['ada', 'bob', 'cid']) {
    const instance = await Instance.start({ title, path: repo, program: 'shell' })
    await orchestrator.addAgent(new ManagedAgent(title, instance))
  }
  t.same(
    orchestrator.listAgents().map(({ id, state }) => `${id} ${state}`),
    ['ada idle', 'bob idle', 'cid idle'],
  )
  const handle = await orchestrator.distributeTask({ prompt: 'echo hello', priority: 'high' })
  t.match(await handle.result, { success: true, output: 'hello\n', error: null })
  t.match(handle.task(), { state: 'completed', attempt: 1 })
  for (const { id } of orchestrator.listAgents()) await orchestrator.removeAgent(id)
  t.same(await orchestrator.shutdown(10_000), { unstopped: [] })
  const trees = execaSync('git', ['-C', repo, 'worktree', 'list']).stdout.split('\n')
  t.equal(trees.length, 1, 'nothing of it is left')
})

t.test('an instance alone takes prompts, one at a time', async (t) => {
  const repo = scratch(t)
  const instance = await Instance.start({ title: 'solo', path: repo })
  const running = instance.sendPrompt('echo one; echo two > two.txt')
  await t.rejects(instance.sendPrompt('echo too early'), { code: 'SQUADD_CONFLICT' })
  t.match(await running, { success: true, output: 'one\n', git: { filesChanged: 1, dirty: true } })
  t.match(await instance.diff(), /two\.txt/)
  t.match(instance.attach(), ['tmux', '-S', /\.sock$/, 'attach-session', '-t', '=sq', '-r'])
  t.match(await instance.preview(), /\S/)
  const late = await instance.sendPrompt('sleep 60', { timeoutMs: 200 })
  t.match(late, { success: false, error: /time|timed/i })
  const rescueRef = await instance.kill()
  t.equal(execaSync('git', ['-C', repo, 'show', `${rescueRef}:two.txt`]).stdout, 'two')
})

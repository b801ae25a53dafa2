import { chmodSync, mkdirSync, writeFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import type { Test } from 'tap'
import t from 'tap'
import { TestAgent } from './agent.ts'

/** An agent whose codex is a script: the same arguments, the same kind of output. */
async function agentWith(t: Test, script: string): Promise<TestAgent> {
  const agent = new TestAgent({ program: 'codex', mode: 'headless' })
  t.teardown(() => agent.remove())
  const bin = join(agent.home, 'bin')
  mkdirSync(bin)
  writeFileSync(join(bin, 'codex'), `#!/bin/sh\n${script}`)
  chmodSync(join(bin, 'codex'), 0o755)
  const PATH = `${bin}${delimiter}${agent.setup.env['PATH']}`
  Object.assign(agent.setup.env, { PATH })
  await agent.start()
  return agent
}

// The totals of the thread grow in a file; the answer is what came after `exec`.
const counting = `
id=T1
case " $* " in *" resume "*) id=T1; again=yes ;; esac
n=$(cat "$HOME/n" 2>/dev/null || echo 0)
n=$((n + 100)); echo "$n" >"$HOME/n"
echo '{"type":"thread.started","thread_id":"'$id'"}'
echo '{"type":"turn.started"}'
echo '{"type":"item.completed","item":{"type":"agent_message","text":"again='$again' '"$(cat)"'"}}'
echo '{"type":"turn.completed","usage":{"input_tokens":'$n',"output_tokens":'$((n / 10))'}}'
`

t.test('a conversation goes on, a task has the usage of its own, over every kill', async (t) => {
  const agent = await agentWith(t, counting)
  const usage = { inputTokens: 100, outputTokens: 10, costUsd: null }
  const named = agent.next('conversation')
  t.match(await agent.complete('one'), { result: { output: 'again= one', usage } })
  t.match(await named, { id: 'T1' })
  t.match(await agent.complete('two'), { result: { output: 'again=yes two', usage } })
  await agent.killHost()
  // The store may not have heard of it: the host's own note counts.
  await agent.start()
  t.match(await agent.complete('three'), { result: { output: 'again=yes three', usage } })
})

t.test('an attempt that is judged twice has the same usage', async (t) => {
  const agent = await agentWith(t, counting)
  await agent.complete('one')
  const order = agent.order('two')
  const first = await agent.verdict(order)
  await agent.killHost()
  const second = agent.verdictOn(order)
  await agent.start({ order, stop: null })
  t.same((await second).result.usage, first.result.usage)
})

t.test('a conversation that is gone fails one attempt, and the next begins anew', async (t) => {
  const agent = await agentWith(
    t,
    `case " $* " in *" resume "*)
      echo "Error: thread/resume failed: no rollout found for thread id T1" >&2
      exit 1 ;;
    esac
    ${counting}`,
  )
  await agent.complete('one')
  const forgotten = agent.next('conversation', ({ id }) => id === null)
  const lost = await agent.complete('two')
  t.match(lost, { outcome: 'failed', cause: 'agent_error', reason: /conversation is gone/ })
  await forgotten
  t.match(await agent.complete('three'), {
    outcome: 'succeeded',
    result: { output: 'again= three' },
  })
})

t.test('a program that vanished is spawn_failed', async (t) => {
  const agent = await agentWith(t, '')
  chmodSync(join(agent.home, 'bin', 'codex'), 0o644)
  t.match(await agent.complete('one'), { outcome: 'failed', cause: 'spawn_failed' })
})

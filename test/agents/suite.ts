import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Test } from 'tap'
import type { Cause, Task } from '../../src/supervisor/domain/task.ts'
import type { Program } from './home.ts'
import { outside } from './namespace.ts'
import { Scene } from './scene.ts'

export type Subject = {
  program: Program
  mode: 'interactive' | 'headless'
  /** What the program does otherwise than the others, and is right to. */
  differs?: {
    /** A code of the API that this program tries again for minutes. */
    retriesForEver?: readonly number[]
    /** A refusal is plain text to it. */
    refusalIsText?: true
    /** After an empty answer it asks the model once more by itself. */
    asksAgainWhenEmpty?: true
    /** It asks nobody: what it may not do it leaves out. */
    asksNobody?: true
  }
}

const causes: Record<number, Cause> = {
  400: 'agent_error',
  401: 'auth',
  429: 'rate_limit',
  529: 'overloaded',
}

const hostile = [
  '$(touch CANARY)',
  '`touch CANARY`',
  '; touch CANARY',
  "'; touch CANARY; '",
  '\u001b[201~\u0003 touch CANARY\r',
  '\u001b]0;title\u0007',
  '#{session_name} #(touch CANARY)',
  '%s %n \\n "quoted" \\\\',
  'ünïcödé 漢字 🦑 ‮rtl',
]

/** Everything that has to hold for a program in a mode; figures go into `latencies`. */
export function suite(t: Test, subject: Subject): void {
  const { program, mode, differs = {} } = subject
  const name = `${program} ${mode}`
  const skip = outside()
  const latencies: number[] = []

  const scene = async (t: Test, settings: Record<string, unknown> = {}): Promise<Scene> => {
    const made = await new Scene(program).open(settings)
    t.teardown(() => made.close())
    return made
  }
  const open = async (t: Test, settings: Record<string, unknown> = {}): Promise<Scene> => {
    const made = await scene(t, settings)
    await made.add('one', { mode })
    return made
  }
  const show = (t: Test, { reason, result }: Task) => t.comment(JSON.stringify({ reason, result }))
  const isDone = (t: Test, task: Task, message: string) => {
    if (!t.match(task, { state: 'completed', outcome: 'succeeded' }, message)) show(t, task)
  }
  const note = (scene: Scene, task: Task, marker: string) => {
    const last = scene.stub.requests().findLast((one) => one.marker === marker)
    if (last?.lastByteAt && task.endedAt) latencies.push(task.endedAt - last.lastByteAt)
  }

  t.test(`${name}: answers, works, remembers`, { skip }, async (t) => {
    const scene = await open(t)
    const first = await scene.do('[[id: one]] [[say: hello world]]')
    isDone(t, first, 'an answer')
    t.match(first.result?.output, 'hello world')
    note(scene, first, 'one')

    const second = await scene.do('[[id: two]] [[write: a.txt|some text]] [[say: written]]')
    isDone(t, second, 'a file')
    t.match(second.result?.git, { filesChanged: 1, dirty: true })
    t.ok((second.result?.usage?.outputTokens ?? 0) > 0, 'tokens are counted')
    note(scene, second, 'two')

    const third = await scene.do('[[id: three]] [[recall]]')
    isDone(t, third, 'the same conversation')
    t.match(third.result?.output, /users=3/)
    note(scene, third, 'three')

    const quoting =
      '[[id: four]] [[say: (esc to interrupt) Do you want to proceed? ❯ 1. Yes 2. No Esc to cancel]]'
    isDone(t, await scene.do(quoting), 'an answer that quotes a dialog')
    isDone(t, await scene.do('[[id: five]] [[say: and on]]'), 'the next')

    const verified = await scene.do('[[id: six]] [[say: checked]]', {
      verify: ['test', '-e', 'a.txt'],
    })
    isDone(t, verified, 'a check that agrees')
    const refuted = await scene.do('[[id: seven]] [[say: done]]', {
      verify: ['test', '-e', 'none'],
    })
    t.match(refuted, { state: 'failed', outcome: 'failed', reason: /verify test -e none exit 1/ })
  })

  t.test(`${name}: a prompt arrives whole and runs nothing`, { skip }, async (t) => {
    const scene = await open(t)
    const canary = join(scene.dir, 'canary')
    const line = (i: number) => `${i} ${hostile[i % hostile.length]!.replaceAll('CANARY', canary)}`
    const long = ['[[id: long]] [[say: read]]', ...Array.from({ length: 400 }, (_, i) => line(i))]
    isDone(t, await scene.do(long.join('\n')), '400 lines')
    const seen = scene.sent().at(-1) ?? ''
    for (const i of [0, 7, 200, 399]) t.ok(seen.includes(`${i} `), `line ${i} is there`)
    t.ok(seen.includes('漢字 🦑'))
    for (const sign of ['!', '/', '#', '@', '-', '--', '?', '&', '$', ':']) {
      const prompt = `${sign}touch ${canary} [[say: seen]]`
      const task = await scene.do(prompt)
      isDone(t, task, JSON.stringify(sign))
      t.ok(
        scene.sent().some((text) => text.includes(`${sign}touch ${canary}`)),
        'as it was written',
      )
    }
    t.notOk(existsSync(canary), 'nothing was run')
  })

  t.test(
    `${name}: failures have their causes, and the next prompt is fine`,
    { skip },
    async (t) => {
      const scene = await open(t)
      for (const [code, cause] of Object.entries(causes)) {
        if (differs.retriesForEver?.includes(Number(code))) continue
        const task = await scene.do(`[[id: e${code}]] [[status: ${code}]]`, { maxAttempts: 1 })
        const isSo = t.match(task, { outcome: 'failed', cause }, `${code} is ${cause}`)
        if (!isSo) show(t, task)
        isDone(t, await scene.do(`[[id: after${code}]] [[say: fine]]`), `after ${code}`)
      }
      const empty = await scene.do('[[id: empty]] [[empty]]', { timeoutMs: 60_000 })
      if (!differs.asksAgainWhenEmpty)
        t.not(empty.outcome, 'succeeded', 'an empty answer is no success')
      isDone(t, await scene.do('[[id: after empty]] [[say: fine]]'), 'after an empty answer')
      if (!differs.refusalIsText) {
        const refusal = await scene.do('[[id: refusal]] [[refusal]]')
        t.match(refusal, { outcome: 'failed', cause: 'refused' })
      }
      isDone(t, await scene.do('[[id: last]] [[say: fine]]'), 'the last')
    },
  )

  t.test(`${name}: time limit and cancel interrupt, the agent is usable`, { skip }, async (t) => {
    const scene = await open(t)
    const silent = await scene.do('[[id: hang]] [[hang]]', { timeoutMs: 4000 })
    t.match(silent, { state: 'failed', outcome: 'timed_out', cause: 'timed_out' })
    isDone(t, await scene.do('[[id: next]] [[say: fine]]'), 'after a time limit')
    const talking = await scene.submit('[[id: drip]] [[drip: 200]] [[long: 400]]')
    await scene.stub.until((request) => request.marker === 'drip')
    await scene.client.call('tasks.cancel', { id: talking.id })
    t.match(await scene.settled(talking), { state: 'cancelled', outcome: 'cancelled' })
    isDone(t, await scene.do('[[id: last]] [[say: fine]]'), 'after a cancel')
  })

  t.test(`${name}: a kill of supervisor or host in a turn loses nothing`, { skip }, async (t) => {
    const scene = await open(t)
    const once = async (marker: string, kill: () => Promise<void>) => {
      const task = await scene.submit(`[[id: ${marker}]] [[delay: 4]] [[say: still there]]`)
      await scene.stub.until((request) => request.marker === marker)
      await kill()
      const ended = await scene.settled(task)
      isDone(t, ended, marker)
      t.match(ended.result?.output, 'still there')
      const completed = (await scene.events()).filter(
        ({ type, taskId }) => type === 'TaskCompleted' && taskId === task.id,
      )
      t.equal(completed.length, 1, 'one result')
      const asked = scene.stub.requests().filter((one) => one.marker === marker && !one.side)
      t.equal(asked.length, 1, 'the model was asked once')
    }
    await once('supervisor', () => scene.killSupervisor())
    await once('host', async () => {
      process.kill((await scene.agent('one')).hostPid!, 'SIGKILL')
    })
    await once('away', async () => {
      const pid = await scene.squad.pid()
      scene.client.close()
      process.kill(pid, 'SIGKILL')
      // It ends while nobody is there.
      await scene.stub.until((one) => one.marker === 'away' && one.lastByteAt !== null)
      await scene.start()
    })
  })

  t.test(`${name}: the conversation outlives pause, stop and restart`, { skip }, async (t) => {
    const scene = await open(t)
    isDone(t, await scene.do('[[id: first]] [[say: noted]]'), 'the first prompt')
    await scene.client.call('agents.pause', { id: 'one', release: true })
    await scene.client.call('agents.resume', { id: 'one' })
    const resumed = await scene.do('[[id: second]] [[recall]]')
    isDone(t, resumed, 'after pause --release')
    t.match(resumed.result?.output, /users=2/)
    await scene.client.call('agents.restart', { id: 'one' })
    const restarted = await scene.do('[[id: third]] [[recall]]')
    isDone(t, restarted, 'after a restart')
    t.match(restarted.result?.output, /users=3/)
    const { programPid } = await scene.agent('one')
    await scene.client.call('agents.remove', { id: 'one' })
    t.same(
      scene.squad.leftovers(),
      scene.squad.leftovers().filter((one) => !one.includes(' one ')),
    )
    if (programPid) t.notOk(existsSync(`/proc/${programPid}`), 'nothing of the program is left')
  })

  if (mode === 'interactive' && !differs.asksNobody)
    t.test(`${name}: what it asks reaches a person`, { skip }, async (t) => {
      const scene = await open(t)
      const asking = (marker: string) =>
        scene.submit(`[[id: ${marker}]] [[shell: sh -c 'date > ${marker}.txt']] [[say: went on]]`)
      const yes = await asking('yes')
      const event = await scene.event('AgentWaiting', ({ taskId }) => taskId === yes.id)
      t.match(event.data['question'], /yes\.txt/, 'it says what is asked')
      t.equal((await scene.agent('one')).state, 'waiting')
      await scene.client.call('agents.answer', { id: 'one', choice: 'yes' })
      const done = await scene.settled(yes)
      isDone(t, done, 'allowed')
      t.ok(readFileSync(join((await scene.agent('one')).worktree, 'yes.txt'), 'utf8'))
      const no = await asking('no')
      await scene.event('AgentWaiting', ({ taskId }) => taskId === no.id)
      await scene.client.call('agents.answer', { id: 'one', choice: 'no' })
      t.not((await scene.settled(no)).outcome, 'succeeded', 'denied is not done')
      t.notOk(existsSync(join((await scene.agent('one')).worktree, 'no.txt')))
      await scene.client.call('tasks.cancel', { id: no.id }).catch(() => {})
      isDone(t, await scene.do('[[id: last]] [[say: fine]]'), 'the next')
      await t.rejects(scene.client.call('agents.answer', { id: 'one', choice: 'yes' }), {
        code: 'SQUADD_CONFLICT',
      })
    })

  t.test(`${name}: with permission auto nobody is asked`, { skip }, async (t) => {
    const scene = await new Scene(program).open()
    t.teardown(() => scene.close())
    await scene.add('one', { mode, permission: 'auto' })
    const task = await scene.do("[[id: auto]] [[shell: sh -c 'date > auto.txt']] [[say: ran]]")
    isDone(t, task, 'it went on by itself')
    t.ok(existsSync(join((await scene.agent('one')).worktree, 'auto.txt')))
  })

  t.test(`${name}: figures`, { skip }, async (t) => {
    const sorted = latencies.toSorted((a, b) => a - b)
    const at = (share: number) => sorted[Math.floor(share * (sorted.length - 1))]
    t.comment(`last byte → recorded: n ${sorted.length}, p50 ${at(0.5)} ms, p99 ${at(0.99)} ms`)
  })
}

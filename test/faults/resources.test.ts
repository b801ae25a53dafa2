import { execFileSync, spawnSync } from 'node:child_process'
import { mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { firstEvent } from '../support/events.ts'
import { gate } from '../support/field.ts'
import { guarded } from '../support/guarded.ts'
import { filesOf } from '../support/invariants/processes.ts'

const canLimit = spawnSync('prlimit', ['--version']).status === 0
const cgroups = '/sys/fs/cgroup/memory'
const group = join(cgroups, `squadd-test-${process.pid}`)

/** Makes a memory group of its own (version 1), or leaves nothing. */
function makeGroup(): void {
  mkdirSync(group)
  try {
    writeFileSync(join(group, 'memory.limit_in_bytes'), String(64 * 2 ** 20))
  } catch (error) {
    rmdirSync(group)
    throw error
  }
}

/** Why there can be none. */
function whyNoGroup(): string | false {
  try {
    makeGroup()
    rmdirSync(group)
    return false
  } catch (error) {
    return `it needs a memory group of its own: ${(error as Error).message}`
  }
}

t.test(
  'a supervisor without free file numbers lives on, and goes on when there are some again',
  { skip: canLimit ? false : 'it needs prlimit' },
  async (t) => {
    const squad = await guarded(t, ['ada', 'bob'], { settings: { restartIntensity: 100 } })
    const { field, add } = squad
    const busy = gate(field, 'busy')
    const task = await add({ prompt: busy.prompt })
    await field.pidOf('busy')
    const pid = await field.squad.pid()
    const limit = (files: number) =>
      execFileSync('prlimit', ['--pid', String(pid), `--nofile=${files}:`])
    limit(filesOf(pid))
    // Another host has to be forked, and there is no number for it.
    const { hostPid } = await field.client.call('agents.show', { id: 'bob' })
    process.kill(hostPid!, 'SIGKILL')
    await firstEvent(field.client, 'AgentRestarted', { is: ({ agentId }) => agentId === 'bob' })
    busy.open()
    t.match(await field.wait(task.id), { state: 'completed' }, 'what ran is recorded')
    const more = await add({ prompt: 'true' })
    limit(4096)
    t.match(await field.wait(more.id), { state: 'completed' })
    t.equal(await field.squad.pid(), pid, 'the same supervisor')
    await field.client.call('agents.restart', { id: 'bob' })
    t.match(await field.wait((await add({ prompt: 'true', affinity: ['bob'] })).id), {
      state: 'completed',
    })
    await squad.isWhole()
  },
)

t.test(
  'a program that is killed for its memory fails, and nobody else notices',
  { skip: whyNoGroup() },
  async (t) => {
    makeGroup()
    t.teardown(() => rmdirSync(group))
    const squad = await guarded(t, ['ada', 'bob'])
    const { field, add } = squad
    const other = gate(field, 'other')
    const beside = await add({ prompt: other.prompt, affinity: ['bob'], affinityMode: 'required' })
    await field.pidOf('other')
    const eats = `sh -c 'echo $$ > ${group}/cgroup.procs; exec dd if=/dev/zero of=/dev/null bs=256M count=1'; exit $?`
    const task = await add({ prompt: eats, affinity: ['ada'], affinityMode: 'required' })
    const { state, outcome, result } = await field.wait(task.id)
    t.match({ state, outcome }, { state: 'failed', outcome: 'failed' })
    t.match(result?.evidence, [{ source: 'exit', detail: 'exit status 137' }])
    const oom = readFileSync(join(group, 'memory.oom_control'), 'utf8')
    t.match(oom, /oom_kill [1-9]/, 'the kernel says so too')
    other.open()
    t.match(await field.wait(beside.id), { state: 'completed' })
    t.match(await field.wait((await add({ prompt: 'true' })).id), { state: 'completed' })
    await squad.isWhole()
  },
)

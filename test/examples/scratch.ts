// For the examples only: a repository to work in, tasks that wait, waiting for agents.
import { execFileSync } from 'node:child_process'
import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { SquadEvent } from 'squadd'

/** A git repository with one commit, in a temporary folder. */
export function scratchRepository() {
  const folder = mkdtempSync(join(tmpdir(), 'squadd-example-'))
  const path = join(folder, 'repo')
  const who = ['-c', 'user.name=example', '-c', 'user.email=example@localhost']
  execFileSync('git', ['init', '-q', path])
  execFileSync('git', ['-C', path, ...who, 'commit', '-q', '--allow-empty', '-m', 'first'])
  const pipe = join(folder, 'gate')
  execFileSync('mkfifo', [pipe])
  const gate = openSync(pipe, 'r+')
  return {
    path,
    /** A task with this prompt runs until the gate is opened, which then stays open. */
    waitAtGate: `read -r _ < '${pipe}'`,
    openGate: () => void writeSync(gate, '\n'.repeat(100)),
    remove() {
      closeSync(gate)
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

/** Reads events until an agent is idle again: a moment after the result of its task is known. */
export async function idleAgain(
  events: AsyncIterator<SquadEvent, undefined>,
  agentId: string | null,
) {
  for (;;) {
    const { value } = await events.next()
    if (!value) throw new Error('the orchestrator was shut down')
    if (value.type !== 'AgentStateChanged' || value.agentId !== agentId) continue
    if (value.data.from === 'running' && value.data.to === 'idle') return
  }
}

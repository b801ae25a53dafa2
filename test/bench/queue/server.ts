import type { ChildProcess, SpawnOptions } from 'node:child_process'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as pause } from 'node:timers/promises'

/** A server of others, for one bench: ended by `close`. */
export type Server = { close(): Promise<void> }

/** Starts a program and waits until `answers`; throws what it printed when it ends before. */
export async function serve(
  program: string,
  argv: readonly string[],
  options: SpawnOptions,
  answers: () => Promise<boolean>,
): Promise<Server> {
  const child = spawn(program, argv, { ...options, stdio: ['ignore', 'pipe', 'pipe'] })
  const end = () => child.kill('SIGINT')
  process.once('exit', end)
  let said = ''
  child.stdout?.on('data', (text) => (said += String(text)))
  child.stderr?.on('data', (text) => (said += String(text)))
  const failed = once(child, 'error').then(([error]) => {
    said += String(error)
  })
  while (!(await answers())) {
    await Promise.race([failed, pause(50)])
    if (hasEnded(child)) throw new Error(`${program} does not run: ${said}`)
  }
  return {
    async close() {
      if (hasEnded(child)) return
      process.off('exit', end)
      end()
      await once(child, 'exit')
    },
  }
}

const hasEnded = ({ pid, exitCode, signalCode }: ChildProcess): boolean =>
  pid === undefined || exitCode !== null || signalCode !== null

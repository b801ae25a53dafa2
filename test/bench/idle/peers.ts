import { fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { execa } from 'execa'

const intervalMs = 500

/** One tmux server with a session an agent, and a process that looks at each twice a second. */
export async function startPeers(dir: string, agents: number) {
  const socket = join(dir, 'peers.sock')
  const tmux = (...args: string[]) => execa('tmux', ['-S', socket, '-f', '/dev/null', ...args])
  for (let n = 0; n < agents; n += 1)
    await tmux('new-session', '-d', '-s', `agent${n}`, 'exec sleep 1000000')
  const server = Number((await tmux('display-message', '-p', '#{pid}')).stdout)
  const poller = fork(
    join(import.meta.dirname, 'poller.mjs'),
    [socket, agents, intervalMs].map(String),
  )
  return {
    pids: [poller.pid!, server],
    /** How often it has looked so far: each is a process. */
    async looks(): Promise<number> {
      const answer = once(poller, 'message')
      poller.send('looks?')
      const [looks] = (await answer) as [number]
      return looks
    },
    async [Symbol.asyncDispose]() {
      poller.kill()
      await once(poller, 'exit')
      await tmux('kill-server')
    },
  }
}

import { createInterface } from 'node:readline'
import { text } from 'node:stream/consumers'
import { once } from 'node:events'
import { spawn } from 'node:child_process'
import { setTimeout as pause } from 'node:timers/promises'
import { traits } from '../traits.ts'
import { cut } from './recording.ts'
import { parsed, readOutbox } from './sources.ts'
import type { Stage } from './stage.ts'

type Run = {
  prompt: string
  /** A signal, so long after the model was asked. */
  signal?: [name: NodeJS.Signals, afterMs: number]
}

type Scene = Run[] | ((stage: Stage) => Run[])

/** What happens in the recordings of headless programs: one run, or several of one conversation. */
export const headlessScenes: Record<string, Scene> = {
  answer: [{ prompt: '[[delay: 1]] [[say: The answer is 42.]]' }],
  write: [{ prompt: '[[write: note.txt|hello]] [[say: Written.]]' }],
  permission: ({ program }) => [
    { prompt: `${traits[program.program].asking('touch no.txt')} [[say: Done.]]` },
  ],
  'status-400': [{ prompt: '[[status: 400]]' }],
  'status-401': [{ prompt: '[[status: 401]]' }],
  'status-429': [{ prompt: '[[status: 429]]' }],
  'status-500-twice': [{ prompt: '[[status: 500 x2]] [[say: At last.]]' }],
  'status-529': [{ prompt: '[[status: 529]]' }],
  'rate-limit': [{ prompt: '[[limit]]' }],
  overflow: [{ prompt: '[[overflow]]' }],
  empty: [{ prompt: '[[empty]]' }],
  refusal: [{ prompt: '[[refusal]]' }],
  'max-tokens': [{ prompt: '[[maxtok]] [[say: It was the best of]]' }],
  subagent: [{ prompt: '[[agent: ((delay: 5)) ((say: SUB-ANSWER))]] [[say: Asked.]]' }],
  hang: [{ prompt: '[[hang]]', signal: ['SIGINT', 10_000] }],
  interrupt: [{ prompt: '[[drip: 100]] [[long: 2000]]', signal: ['SIGINT', 3_000] }],
  terminate: [{ prompt: '[[drip: 100]] [[long: 2000]]', signal: ['SIGTERM', 3_000] }],
  'blocking-hook': [{ prompt: '[[say: First.]]' }],
  resume: [{ prompt: '[[say: Before.]]' }, { prompt: '[[recall]]' }],
  kill: [{ prompt: '[[delay: 30]]', signal: ['SIGKILL', 3_000] }, { prompt: '[[recall]]' }],
}

const limitMs = 60_000

export async function runHeadless(stage: Stage, scene: Scene): Promise<void> {
  const runs = typeof scene === 'function' ? scene(stage) : scene
  for (const [i, run] of runs.entries()) await runOnce(stage, run, i)
}

async function runOnce(stage: Stage, { prompt, signal }: Run, before: number): Promise<void> {
  const { recording, place, program, session } = stage
  const argv = program[before === 0 ? 'headless' : 'headlessResume'](place, session)
  const [file = '', ...args] = argv
  recording.begin()
  recording.add('process', 'start', { argv: cut(argv, 60), stdin: prompt })
  const child = spawn(file, args, { cwd: place.tree, env: stage.env, stdio: 'pipe' })
  const marker = `p${before + 1}`
  child.stdin.end(`[[id: ${marker}]] ${prompt}`)
  createInterface({ input: child.stdout }).on('line', (line) =>
    recording.add('stdout', null, parsed(line)),
  )
  const stderr = text(child.stderr)
  const exited = once(child, 'exit')
  const ended = new AbortController()
  const quiet = () => {}
  const interrupt = async ([name, afterMs]: readonly [NodeJS.Signals, number]) => {
    await stage.asked(marker)
    await pause(afterMs, undefined, { signal: ended.signal })
    recording.add('key', name, null)
    child.kill(name)
  }
  const giveUp = async () => {
    await pause(limitMs, undefined, { signal: ended.signal })
    recording.add('process', 'recorder-gave-up', { limitMs })
    child.kill('SIGKILL')
  }
  if (signal) interrupt(signal).catch(quiet)
  giveUp().catch(quiet)
  const [status, by] = (await exited) as [number | null, NodeJS.Signals | null]
  ended.abort()
  recording.add('process', 'exit', { status, signal: by })
  recording.add('stderr', null, await stderr)
  readOutbox(place.outbox, recording)
}

import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { execaSync } from 'execa'
import { bareEnvironment } from './home.ts'
import { agentsFolder, installAgents } from './install.ts'
import { isolated, outside } from './namespace.ts'
import { claude } from './recorder/claude.ts'
import { codex } from './recorder/codex.ts'
import { Driver } from './recorder/driver.ts'
import { gemini } from './recorder/gemini.ts'
import { headlessScenes, runHeadless } from './recorder/headless.ts'
import { opencode } from './recorder/opencode.ts'
import type { Recorded } from './recorder/program.ts'
import { goOn, scenes, Skipped } from './recorder/scenes.ts'
import { Stage } from './recorder/stage.ts'
import { traits } from './traits.ts'

/** `node test/agents/record.ts PROGRAM [SCENE…]` writes test/fixtures/signals/PROGRAM-VERSION/SCENE. */
const recorded: Record<string, Recorded> = { claude, codex, gemini, opencode }
const [name = '', ...only] = process.argv.slice(2)
const program = recorded[name]
if (program === undefined)
  throw new Error(`no program "${name}": ${Object.keys(recorded).join(', ')}`)

async function recordAll(program: Recorded): Promise<void> {
  const all: Record<string, (stage: Stage) => Promise<void>> = {}
  for (const [name, scene] of Object.entries(scenes)) all[name] = interactive(scene)
  for (const [name, scene] of Object.entries(headlessScenes))
    all[`headless-${name}`] = (stage) => runHeadless(stage, scene)
  for (const [name, act] of Object.entries(all))
    if (only.length === 0 || only.includes(name)) await record(program, name, act)
}

function interactive(scene: (driver: Driver) => Promise<void>) {
  return async (stage: Stage): Promise<void> => {
    const driver = new Driver(stage)
    try {
      await driver.launch()
      await scene(driver)
    } finally {
      await driver.close()
    }
  }
}

async function record(program: Recorded, name: string, act: (stage: Stage) => Promise<void>) {
  const folder = `../fixtures/signals/${program.program}-${program.version}`
  const file = join(import.meta.dirname, folder, `${name}.ndjson`)
  mkdirSync(join(file, '..'), { recursive: true })
  const began = performance.now()
  const stage = await Stage.open(program)
  try {
    if (name.endsWith('blocking-hook')) blockOnce(stage)
    await act(stage)
    stage.recording.save(file)
    const { lines } = stage.recording
    const gaveUp = lines.some(({ name }) => name === 'recorder-gave-up') ? ', gave up' : ''
    const ms = Math.round(performance.now() - began)
    console.log(`${name}: ${lines.length} lines, ${ms} ms${gaveUp}`)
  } catch (error) {
    if (!(error instanceof Skipped)) console.error(name, error)
    else console.log(`${name}: skipped, ${error.message}`)
  } finally {
    await stage.close()
  }
}

function blockOnce({ program, place }: Stage): void {
  const block = traits[program.program].blockOnce
  if (block === undefined) throw new Skipped('it has no such hook')
  block(place.home, join(place.ours, 'blocked'), goOn)
}

if (outside() === false) await recordAll(program)
else {
  await installAgents()
  const [file = '', ...args] = isolated([process.execPath, import.meta.filename, name, ...only])
  const cache = { XDG_CACHE_HOME: join(agentsFolder(), '../../..') }
  execaSync(file, args, {
    env: { ...bareEnvironment(process.env['HOME'] ?? '/'), ...cache },
    extendEnv: false,
    stdio: 'inherit',
  })
}

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { execa } from 'execa'
import t from 'tap'
import { startStub } from '../fixtures/model-stub/server.ts'
import type { Program } from './home.ts'
import { makeHome, programs } from './home.ts'
import { outside } from './namespace.ts'

const prompt = '[[id: smoke]] [[say: STUB-HELLO]]'

const headless: Record<Program, string[]> = {
  claude: ['-p', prompt, '--output-format', 'json'],
  codex: ['exec', '--json', '--skip-git-repo-check', prompt],
  gemini: ['-p', prompt, '--output-format', 'json', '--skip-trust'],
  opencode: ['run', '--format', 'json', prompt],
}

for (const program of programs)
  t.test(`${program} answers with what the stub says`, { skip: outside() }, async (t) => {
    const dir = mkdtempSync(join(tmpdir(), 'squadd-smoke-'))
    const stub = await startStub()
    t.teardown(async () => {
      await stub.close()
      rmSync(dir, { recursive: true, force: true })
    })
    const { env } = makeHome(program, join(dir, 'home'), stub.url)
    const { stdout, exitCode } = await execa(program, headless[program], {
      cwd: dir,
      env,
      extendEnv: false,
      stdin: 'ignore',
      reject: false,
      timeout: 120_000,
    })
    t.equal(exitCode, 0)
    t.match(stdout, 'STUB-HELLO')
    const asked = stub.requests().find(({ marker }) => marker === 'smoke')
    t.type(asked?.lastByteAt, 'number', 'the stub has answered this very prompt')
  })

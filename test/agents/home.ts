import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { delimiter, dirname, join } from 'node:path'
import { agentsFolder } from './install.ts'

export const programs = ['claude', 'codex', 'gemini', 'opencode'] as const
export type Program = (typeof programs)[number]

/** Those that PROGRAMS names, separated by commas; all of them by default. */
export function chosenPrograms(): readonly Program[] {
  const named = (process.env['PROGRAMS'] ?? programs.join(',')).split(',')
  const unknown = named.filter((name) => !(programs as readonly string[]).includes(name))
  if (unknown.length > 0)
    throw new Error(`PROGRAMS: no program "${unknown.join()}": ${programs.join(', ')}`)
  return named as Program[]
}

export type Home = {
  home: string
  /** The whole environment of the program: nothing else may be added from outside. */
  env: Record<string, string>
}

export const key = 'stub-key'

/** The environment of a user who has nothing but a shell, this Node and the agent programs. */
export function bareEnvironment(home: string): Record<string, string> {
  const PATH = [
    join(agentsFolder(), 'node_modules', '.bin'),
    dirname(process.execPath),
    '/usr/local/bin:/usr/bin:/bin',
  ].join(delimiter)
  return { PATH, HOME: home, TERM: 'xterm-256color', LANG: 'C.UTF-8', SHELL: '/bin/sh' }
}

/**
 * The home of somebody who has set the program up once, for the model API at `url`: logged in, past
 * the first-run questions. No folder is trusted yet.
 */
export function makeHome(program: Program, home: string, url: string): Home {
  mkdirSync(home, { recursive: true })
  const write = (file: string, content: string | object) => {
    const path = join(home, file)
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, typeof content === 'string' ? content : `${JSON.stringify(content)}\n`)
  }
  const env = { ...bareEnvironment(home), ...seeds[program](write, url, home) }
  return { home, env }
}

type Seed = (
  write: (file: string, content: string | object) => void,
  url: string,
  home: string,
) => Record<string, string>

const seeds: Record<Program, Seed> = {
  claude(write, url) {
    write('.claude.json', {
      hasCompletedOnboarding: true,
      theme: 'dark',
      customApiKeyResponses: { approved: [key], rejected: [] },
    })
    return {
      ANTHROPIC_BASE_URL: url,
      ANTHROPIC_API_KEY: key,
      CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: '1',
      DISABLE_TELEMETRY: '1',
      DISABLE_ERROR_REPORTING: '1',
      DISABLE_AUTOUPDATER: '1',
    }
  },

  codex(write, url) {
    write(
      '.codex/config.toml',
      `model_provider = "stub"
model = "gpt-5-codex"
check_for_update_on_startup = false

[model_providers.stub]
name = "stub"
base_url = "${url}/v1"
env_key = "STUB_API_KEY"
wire_api = "responses"
request_max_retries = 2
stream_max_retries = 2

[analytics]
enabled = false
`,
    )
    return { STUB_API_KEY: key }
  },

  gemini(write, url) {
    write('.gemini/settings.json', {
      security: { auth: { selectedType: 'gemini-api-key' } },
      general: { enableAutoUpdate: false, maxAttempts: 3 },
      privacy: { usageStatisticsEnabled: false },
    })
    return {
      GEMINI_API_KEY: key,
      GOOGLE_GEMINI_BASE_URL: url,
      GEMINI_CLI_NO_RELAUNCH: 'true',
    }
  },

  opencode(write, url, home) {
    write('.config/opencode/opencode.json', {
      // It would add this by itself.
      $schema: 'https://opencode.ai/config.json',
      model: 'stub/stub-model',
      autoupdate: false,
      provider: {
        stub: {
          npm: '@ai-sdk/openai-compatible',
          name: 'Stub',
          options: { baseURL: `${url}/v1`, apiKey: key },
          models: { 'stub-model': { name: 'Stub model' } },
        },
      },
    })
    // At every start it wants this package here, and where it cannot fetch it hangs without a word.
    const dependencies = { '@opencode-ai/plugin': '1.18.33' }
    write('.config/opencode/package.json', { dependencies })
    write('.config/opencode/package-lock.json', {
      lockfileVersion: 3,
      packages: { '': { dependencies } },
    })
    symlinkSync(
      join(agentsFolder(), 'node_modules'),
      join(home, '.config/opencode/node_modules'),
      'dir',
    )
    return {
      OPENCODE_DISABLE_AUTOUPDATE: '1',
      OPENCODE_DISABLE_MODELS_FETCH: '1',
      OPENCODE_DISABLE_LSP_DOWNLOAD: '1',
    }
  },
}

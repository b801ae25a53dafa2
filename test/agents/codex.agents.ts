import { interactive } from './interactive.ts'

/** A command that Codex may not run in its sandbox without asking. */
const asking = (command: string): string => {
  const input = { cmd: command, sandbox_permissions: 'require_escalated', justification: 'needed' }
  return `[[tool: exec_command ${JSON.stringify(input)}]]`
}

interactive({
  program: 'codex',
  asking,
  faults: [
    { prompt: '[[status: 400]]', outcome: 'failed', cause: 'agent_error' },
    { prompt: '[[status: 401]]', outcome: 'failed', cause: 'auth' },
    { prompt: '[[status: 429]]', outcome: 'failed', cause: 'rate_limit' },
    { prompt: '[[status: 529]]', outcome: 'failed', cause: 'overloaded' },
    { prompt: '[[drop]] [[long: 50]]', outcome: 'failed', cause: 'overloaded' },
    { prompt: '[[overflow]]', outcome: 'failed', cause: 'context_overflow' },
    { prompt: '[[hang]]', outcome: 'timed_out', cause: 'timed_out', timeoutMs: 5000 },
    { prompt: '[[empty]]', outcome: 'failed', cause: 'agent_error' },
    { prompt: '[[maxtok]]', outcome: 'failed', cause: 'agent_error' },
  ],
  // Codex itself counts its starts in config.toml.
  untouched: [/^\.codex\/hooks\.json$/, /^\.[a-z]+rc$/],
  refused: 'unknown',
})

import { interactive } from './interactive.ts'

interactive({
  program: 'opencode',
  asking: (command) => `[[shell: ${command}]]`,
  faults: [
    { prompt: '[[status: 400]]', outcome: 'failed', cause: 'agent_error' },
    { prompt: '[[status: 401]]', outcome: 'failed', cause: 'auth' },
    { prompt: '[[status: 429]]', outcome: 'failed', cause: 'rate_limit' },
    { prompt: '[[status: 529]]', outcome: 'failed', cause: 'overloaded' },
    { prompt: '[[overflow]]', outcome: 'failed', cause: 'context_overflow' },
    { prompt: '[[hang]]', outcome: 'timed_out', cause: 'timed_out', timeoutMs: 6000 },
    { prompt: '[[empty]]', outcome: 'failed', cause: 'agent_error' },
    { prompt: '[[refusal]]', outcome: 'failed', cause: 'refused' },
    { prompt: '[[maxtok]] [[say: It was]]', outcome: 'failed', cause: 'agent_error' },
  ],
  untouched: [/^\.config\/opencode\/(opencode\.json|package\.json)$/, /^\.[a-z]+rc$/],
  refused: 'unknown',
})

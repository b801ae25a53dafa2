import { interactive } from './interactive.ts'

interactive({
  program: 'gemini',
  asking: (command) => `[[shell: ${command}]]`,
  faults: [
    { prompt: '[[status: 400]]', outcome: 'failed', cause: 'agent_error' },
    { prompt: '[[status: 401]]', outcome: 'failed', cause: 'auth' },
    { prompt: '[[status: 429]]', outcome: 'failed', cause: 'overloaded' },
    { prompt: '[[status: 529]]', outcome: 'failed', cause: 'overloaded' },
    { prompt: '[[hang]]', outcome: 'timed_out', cause: 'timed_out', timeoutMs: 5000 },
    { prompt: '[[empty]]', outcome: 'failed', cause: 'agent_error' },
    { prompt: '[[refusal]]', outcome: 'failed', cause: 'refused' },
    { prompt: '[[maxtok]] [[say: It was]]', outcome: 'failed', cause: 'agent_error' },
  ],
  untouched: [/^\.gemini\/[^/]+\.json$/, /^\.[a-z]+rc$/],
  refused: 'unknown',
})

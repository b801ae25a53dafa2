/** What the token of an agent's program is for: one start of one agent. */
export type TokenSubject = {
  /** The agent's key: `a7`. */
  agent: string
  /** An attempt, `t12-3`, or the start of an interactive program, `p1a2b`. */
  start: string
}

/** A token: its subject, and `seal` which only we can make for it (hex). */
export const agentToken = ({ agent, start }: TokenSubject, seal: string): string =>
  `sqa_${seal}.${agent}.${start}`

/** The parts of a token; undefined for any other text. */
export function parseAgentToken(text: string): (TokenSubject & { seal: string }) | undefined {
  const found = /^sqa_([0-9a-f]{64})\.([a-z0-9]{1,40})\.([a-z0-9-]{1,60})$/.exec(text)
  return found ? { seal: found[1]!, agent: found[2]!, start: found[3]! } : undefined
}

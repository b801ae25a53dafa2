import type { Usage } from '../../supervisor/domain/task.ts'
import type { Aside, Judgement, Said } from './program.ts'
import { addUsage, failedBy, hasAnswered, nothingSaid, oneLine } from './stream.ts'

const tokens = /^Tokens: ([\d.,]+[kM]?) sent,.*?([\d.,]+[kM]?) received\./
const cost = /Cost: \$([\d.]+) message/
const failure =
  /^(litellm\.\w+|.*hit a token limit!|Empty response received from LLM|Only \d+ reflections allowed)/

/**
 * Plain text. After every answer aider says how many tokens it took; an error of the model API that
 * is the last thing of the kind is how it ended, whatever the exit status says.
 */
export function readAider(lines: readonly string[], { endedAt }: Aside): Said {
  let result: Judgement | null = null
  let usage: Usage | null = null
  const notes: string[] = []
  for (const line of lines) {
    const used = tokens.exec(line)
    if (used) {
      result = hasAnswered
      const costUsd = cost.exec(line)?.[1]
      usage = addUsage(usage, {
        inputTokens: count(used[1]!),
        outputTokens: count(used[2]!),
        costUsd: costUsd === undefined ? null : Number(costUsd),
      })
    } else if (failure.test(line)) {
      result = failedBy(null, line, endedAt)
      notes.push(oneLine(line))
    }
  }
  return { ...nothingSaid, result, text: lines.join('\n'), usage, notes: notes.slice(-5) }
}

/** `1.2k` */
function count(text: string): number {
  const factor = text.endsWith('k') ? 1000 : text.endsWith('M') ? 1_000_000 : 1
  return Math.round(Number.parseFloat(text.replaceAll(',', '')) * factor) || 0
}

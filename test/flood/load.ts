// Submits tasks as fast as they are answered: node load.ts SOCKET TASKS CALLERS PROMPT_BYTES. Says on
// stdout how each was answered.
import { Agent, request } from 'node:http'

const [, , socketPath = '', tasks = '0', callers = '1', bytes = '5'] = process.argv
const agent = new Agent({ keepAlive: true, maxSockets: Number(callers) })
const headers = { 'content-type': 'application/json' }
const filler = 'x'.repeat(Math.max(0, Number(bytes) - 5))
let left = Number(tasks)

const answers = { acknowledged: 0, refused: 0, other: 0, firstOther: '' }

function submit(): Promise<void> {
  return new Promise((resolve, reject) => {
    const body = JSON.stringify({ prompt: `true ${filler}` })
    const sent = request(
      { socketPath, agent, method: 'POST', path: '/v1/tasks', headers },
      (reply) => {
        const isRefused = reply.statusCode === 429 && Number(reply.headers['retry-after']) > 0
        if (reply.statusCode === 201) answers.acknowledged += 1
        else if (isRefused) answers.refused += 1
        else answers.other += 1
        let text = ''
        reply.on('data', (chunk: Buffer) => (text += text.length < 500 ? chunk.toString() : ''))
        reply.on('end', () => {
          if (reply.statusCode !== 201 && !isRefused)
            answers.firstOther ||= `${reply.statusCode} ${text}`
          resolve()
        })
      },
    )
    sent.on('error', reject)
    sent.end(body)
  })
}

async function caller(): Promise<void> {
  while (left-- > 0) await submit()
}

await Promise.all(Array.from({ length: Number(callers) }, caller))
console.log(JSON.stringify(answers))
process.exit(0)

// Events by better-sse: GET /v1/events subscribes, POST / sends as many as its body says, and answers
// when they are sent. argv: socket.
import { createServer } from 'node:http'
import { text } from 'node:stream/consumers'
import { createChannel, createSession } from 'better-sse'

const channel = createChannel()
let seq = 0

createServer(async (request, response) => {
  if (request.method === 'GET') return channel.register(await createSession(request, response))
  for (let left = Number(await text(request)); left > 0; left -= 1) {
    const event = { seq: (seq += 1), at: Date.now(), type: 'TaskSubmitted', taskId: `t${seq}` }
    const data = { priority: 'normal', lane: 'any' }
    channel.broadcast({ ...event, data }, event.type, { eventId: String(seq) })
  }
  response.end('{}')
}).listen(process.argv[2], () => process.send('listening'))

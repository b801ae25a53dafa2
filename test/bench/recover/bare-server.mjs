// The least that can answer: a Node that listens. argv: the socket.
import { createServer } from 'node:http'

createServer((_, response) => response.end('{}')).listen(process.argv[2])

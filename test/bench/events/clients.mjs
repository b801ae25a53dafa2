// Subscribers in a process of their own. argv: socket, path, how many. Told a number, it answers when
// every one of them has had so many events `TaskSubmitted` since the last answer.
import { request } from 'node:http'

const [socketPath, path, count] = process.argv.slice(2)
const had = Array.from({ length: Number(count) }, () => 0)
let connected = 0
let wanted = null

function check() {
  if (wanted === null || had.some((events) => events < wanted)) return
  wanted = null
  had.fill(0)
  process.send('had')
}

for (const nth of had.keys())
  request({ socketPath, path, agent: false }, (response) => {
    connected += 1
    if (connected === had.length) process.send('connected')
    let left = ''
    response.setEncoding('utf8').on('data', (text) => {
      const lines = (left + text).split('\n')
      left = lines.pop()
      had[nth] += lines.filter((line) => /^event: ?TaskSubmitted$/.test(line)).length
      check()
    })
  }).end()

process.on('message', (number) => {
  wanted = number
  check()
})

// What others do to know what an agent does: `tmux capture-pane` for each, every half second.
// argv: socket, agents, ms. Says how often it looked when it ends.
import { execFile } from 'node:child_process'

const [socket, agents, intervalMs] = process.argv.slice(2)
let looks = 0
const look = (session) =>
  execFile('tmux', ['-S', socket, 'capture-pane', '-p', '-t', session], () => (looks += 1))
for (let n = 0; n < Number(agents); n += 1) setInterval(look, Number(intervalMs), `agent${n}`)
process.on('message', () => process.send(looks))

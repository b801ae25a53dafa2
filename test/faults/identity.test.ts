import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { scratch } from '../support/api.ts'

const ownPids = ['--pid', '--fork', '--mount-proc']
const canUnshare = spawnSync('unshare', [...ownPids, 'true']).status === 0

t.test(
  'a pid that was given out again names nobody we know, and gets no signal',
  { skip: canUnshare ? false : 'pids of its own need root' },
  (t) => {
    const module = new URL('../../src/workers/processes.ts', import.meta.url).href
    const script = join(scratch(t), 'reuse.mjs')
    writeFileSync(
      script,
      `import { spawn } from 'node:child_process'
       import { once } from 'node:events'
       import { writeFileSync } from 'node:fs'
       import { identify, isAlive, signal } from '${module}'
       const start = async () => {
         const child = spawn('sleep', ['600'])
         await once(child, 'spawn')
         return child
       }
       const first = await start()
       const known = identify(first.pid)
       first.kill('SIGKILL')
       await once(first, 'exit')
       // The kernel tells starts by the hundredth of a second; in less no pid comes round.
       for (const end = performance.now() + 30; performance.now() < end; );
       writeFileSync('/proc/sys/kernel/ns_last_pid', String(known.pid - 1))
       const second = await start()
       const said = { same: second.pid === known.pid, alive: isAlive(known), sent: signal(known, 'SIGKILL') }
       console.log(JSON.stringify({ ...said, lives: isAlive(identify(second.pid)) }))
       second.kill('SIGKILL')`,
    )
    const { stdout, stderr } = spawnSync('unshare', [...ownPids, process.execPath, script], {
      env: { PATH: process.env['PATH'] },
    })
    const expected = { same: true, alive: false, sent: false, lives: true }
    t.same(JSON.parse(stdout.toString() || `"${stderr.toString()}"`), expected)
    t.end()
  },
)

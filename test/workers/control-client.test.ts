import t from 'tap'
import { ControlClient } from '../../src/workers/control-client.ts'
import { serverPid } from '../../src/workers/tmux-commands.ts'
import { ownPrograms } from '../support/slow-tmux.ts'

// As tmux on a busy machine: what is there before the session has no target.
const hasty = `early=$(timeout 0.3 head -c 1)
if [ -n "$early" ]; then
  printf '%%begin 1 1 1\\nno current target\\n%%error 1 1 1\\n'
else
  printf '%%session-changed $0 sq\\n'
  read -r line
  printf '%%begin 1 2 1\\n42\\n%%end 1 2 1\\n'
fi
exec cat >/dev/null`

t.test('a command waits until the client has its session', async (t) => {
  const dir = t.testdir()
  const client = new ControlClient({
    ...{ socket: 'tmux.sock', cwd: dir, env: { PATH: ownPrograms(dir, { tmux: hasty }) } },
    ...{ onWindowClosed: () => {}, onExit: () => {} },
  })
  t.teardown(() => client.kill())
  t.same(await client.run([serverPid()], 10_000), [['42']])
})

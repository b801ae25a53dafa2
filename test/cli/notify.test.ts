import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { servedHome } from '../support/cli.ts'
import { receiver } from '../support/receiver.ts'
import { Squadd } from '../support/squadd.ts'

t.test('notifications are listed and tested by hand', async (t) => {
  const { cli } = await servedHome(t)
  t.match((await cli.run(['notify', 'list'])).stdout, /^ops +hooks\.test +2 +TaskFailed$/m)
  t.match(await cli.json('notify', 'list'), [{ name: 'ops', waiting: 2 }])
  t.match(await cli.run(['notify', 'test']), { code: 0, stdout: /delivered/ })
  t.match(await cli.run(['notify', 'test', 'other']), { code: 1, stderr: /not delivered: other/ })
})

t.test(
  'a daemon that is killed while it tells somebody tells it again, and nobody sees the address',
  async (t) => {
    const squad = new Squadd({ HOOK_SECRET: 'hunter2' })
    t.teardown(() => squad.remove())
    // The first try gets no answer, and its daemon is killed.
    const { posts, url, posted } = await receiver(t, (response) => {
      if (posts.length > 1) response.end()
    })
    const rule = { name: 'ops', on: ['TaskCancelled'], webhook: url, secretEnv: 'HOOK_SECRET' }
    squad.configure({ notifications: [rule], notificationRetryMs: 10 })
    await squad.json('start')
    const { id } = await squad.json<{ id: string }>('task', 'add', 'true')
    await squad.json('task', 'cancel', id)
    await posted(1)
    t.match(await squad.json('notify', 'list'), [{ name: 'ops', waiting: 1 }])
    process.kill(await squad.pid(), 'SIGKILL')
    await squad.json('start')
    await posted(2)
    const [first, second] = posts.map(({ headers, body }) => ({
      delivery: headers['squadd-delivery'],
      ...(JSON.parse(body) as { try: number; event: { taskId: string } }),
    }))
    t.match(first, { delivery: 'n1', try: 1, event: { type: 'TaskCancelled', taskId: id } })
    t.match(second, { delivery: 'n1', try: 2, event: { taskId: id } })

    const shown = await Promise.all([
      squad.run('config', 'show'),
      squad.run('config', 'show', '--json'),
      squad.run('notify', 'list', '--json'),
      squad.run('events', '--json'),
      squad.run('notify', 'test', '--json'),
    ])
    t.match(shown[0].stdout, /127\.0\.0\.1:\d+\/…/)
    const log = readFileSync(join(squad.home, 'daemon.log'), 'utf8')
    for (const { stdout, stderr } of shown) t.notMatch(stdout + stderr, /hidden|hunter2/)
    t.notMatch(log, /hidden|hunter2/)
    t.match(posts.at(-1)?.headers['squadd-signature'], /^v1=[0-9a-f]{64}$/)
  },
)

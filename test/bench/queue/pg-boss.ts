import { execFileSync } from 'node:child_process'
import { chownSync, existsSync, globSync } from 'node:fs'
import { join } from 'node:path'
import { peer } from '../peer.ts'
import type { QueueCandidate } from './candidate.ts'
import { prompt, result, stepByStep } from './candidate.ts'
import { serve } from './server.ts'

type Boss = {
  start(): Promise<unknown>
  createQueue(name: string): Promise<void>
  insert(name: string, jobs: { data: unknown }[]): Promise<unknown>
  send(name: string, data: unknown): Promise<unknown>
  fetch(name: string): Promise<{ id: string }[]>
  complete(name: string, id: string, output: unknown): Promise<unknown>
  on(event: 'error', listener: () => void): void
  stop(how: object): Promise<void>
}

const data = { prompt }
const batch = 5000

/** pg-boss on PostgreSQL as that comes (`synchronous_commit = on`): as durable as squadd. */
export async function pgBoss(dir: string): Promise<QueueCandidate> {
  const bin = globSync('/usr/lib/postgresql/*/bin').at(-1)
  if (bin === undefined) throw new Error('there is no PostgreSQL: apt-get install postgresql')
  const who = serverUser()
  if (who) chownSync(dir, who.uid, who.gid)
  const files = join(dir, 'data')
  const how = { cwd: dir, ...who }
  execFileSync(join(bin, 'initdb'), ['-D', files, '-U', 'bench', '-A', 'trust'], {
    ...how,
    stdio: 'ignore',
  })
  const argv = ['-D', files, '-k', dir, '-c', 'listen_addresses=']
  const server = await serve(join(bin, 'postgres'), argv, how, async () =>
    existsSync(join(dir, '.s.PGSQL.5432')),
  )
  const { PgBoss } = await peer<{ PgBoss: new (options: object) => Boss }>('pg-boss')
  const boss = new PgBoss({ host: dir, user: 'bench', database: 'postgres', max: 16 })
  boss.on('error', () => {})
  await boss.start()
  await boss.createQueue('task')
  const steps = {
    add: () => boss.send('task', data),
    take: async () => (await boss.fetch('task'))[0]!.id,
    done: (id: unknown) => boss.complete('task', id as string, result),
  }
  return {
    ...steps,
    pass: stepByStep(steps),
    name: 'pg-boss',
    async fill(count) {
      for (let left = count; left > 0; left -= batch)
        await boss.insert(
          'task',
          Array.from({ length: Math.min(left, batch) }, () => ({ data })),
        )
    },
    async close() {
      await boss.stop({ graceful: false, close: true })
      await server.close()
    },
  }
}

/** PostgreSQL refuses to run as root: then it runs as the user that its package made. */
function serverUser(): { uid: number; gid: number } | undefined {
  if (process.getuid?.() !== 0) return undefined
  const id = (flag: string) => Number(execFileSync('id', [flag, 'postgres'], { encoding: 'utf8' }))
  return { uid: id('-u'), gid: id('-g') }
}

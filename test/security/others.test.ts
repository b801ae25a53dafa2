import { execFileSync } from 'node:child_process'
import { chmodSync, existsSync, lstatSync, readdirSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import type { Task } from '../../src/supervisor/domain/task.ts'
import { Squadd } from '../support/squadd.ts'

t.setTimeout(120_000)

const skip = process.getuid?.() === 0 ? false : 'only root can become another user'
const nobody = 65_534

/** What another user may open, connect to or list of these; runs as that user. */
const probe = `
  import fs from 'node:fs'; import net from 'node:net'
  const reached = []
  for (const path of JSON.parse(fs.readFileSync(0, 'utf8'))) {
    try { fs.readdirSync(path); reached.push(path) } catch {}
    try { fs.closeSync(fs.openSync(path, 'r')); reached.push(path) } catch {}
    try { fs.closeSync(fs.openSync(path, 'r+')); reached.push(path) } catch {}
    await new Promise((done) => net.connect({ path }, () => (reached.push(path), done())).on('error', done))
  }
  console.log(JSON.stringify([process.getuid(), [...new Set(reached)]])); process.exit()
`

t.test('another user reaches nothing of a home', { skip }, async (t) => {
  const squad = new Squadd()
  t.teardown(() => squad.remove())
  chmodSync(squad.dir, 0o755)
  await squad.json('start')
  await squad.json('agent', 'add', 'ada', '--repo', squad.repo)
  const up = join(squad.dir, 'up')
  execFileSync('mkfifo', [up])
  const prompt = `echo hello; echo > '${up}'; sleep 60`
  const { id } = await squad.json<Task>('task', 'add', prompt)
  await readFile(up)
  const all = (): string[] =>
    readdirSync(squad.home, { recursive: true, encoding: 'utf8' }).map((name) =>
      join(squad.home, name),
    )
  const paths = [squad.home, ...all()]
  t.ok(
    paths.some((path) => path.endsWith(`/${id}-1.log.0`)),
    'its output is among them',
  )
  t.ok(paths.length > 20, `${paths.length} files, folders and sockets`)
  t.ok(paths.some((path) => path.endsWith('squadd.sock')))
  const said = execFileSync(process.execPath, ['--input-type=module', '-e', probe, '-'], {
    ...{ uid: nobody, gid: nobody, cwd: '/', env: { PATH: process.env['PATH'] } },
    input: JSON.stringify([...paths, squad.repo]),
  })
  t.same(JSON.parse(said.toString()), [nobody, [squad.repo]], 'but what is for everyone')
  const worktrees = join(squad.home, 'worktrees')
  // The home alone keeps others out; what is secret or listens does so by itself as well.
  const open = paths.filter((path) => !path.startsWith(`${worktrees}/`) && existsSync(path))
  for (const path of open.filter((one) => /sock$|secret$|token$|\.sh$|\.prompt$/.test(one)))
    t.equal(lstatSync(path).mode & 0o077, 0, path.slice(squad.home.length))
  await squad.run('task', 'cancel', id)
})

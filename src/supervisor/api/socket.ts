import { once } from 'node:events'
import { chmodSync, lstatSync, renameSync, rmSync } from 'node:fs'
import type { Server } from 'node:http'
import { dirname, join } from 'node:path'
import { messageOf, SquadError } from '../domain/error.ts'

/**
 * Binds a server to a Unix socket of mode 0600; the answer removes it if it is still ours. Only the
 * holder of the daemon's lock may call it: a socket found at the path is a dead one's, and replaced
 * in one step. Throws SQUADD_BAD_CONFIG for anything else found there.
 */
export async function bindSocket(server: Server, path: string): Promise<() => void> {
  // Bound under another name, then renamed: no moment without it or with loose rights, and closing
  // the server, which deletes the name that it was bound to, cannot delete a successor's socket.
  const birth = join(dirname(path), '.squadd.sock')
  for (const one of [path, birth]) refuseUnlessSocket(one)
  rmSync(birth, { force: true })
  await listenPrivately(server, birth)
  chmodSync(birth, 0o600)
  renameSync(birth, path)
  const { ino, dev } = lstatSync(path)
  return () => {
    const now = lstatSync(path, { throwIfNoEntry: false })
    if (now?.ino === ino && now.dev === dev) rmSync(path)
  }
}

function refuseUnlessSocket(path: string): void {
  const found = lstatSync(path, { throwIfNoEntry: false })
  if (!found || found.isSocket()) return
  throw new SquadError('SQUADD_BAD_CONFIG', `${path} is in the way and not a socket`, {
    hint: 'move it away',
  })
}

async function listenPrivately(server: Server, path: string): Promise<void> {
  const listening = once(server, 'listening')
  const umask = process.umask(0o077)
  server.listen(path)
  process.umask(umask)
  try {
    await listening
  } catch (error) {
    const problem = messageOf(error)
    throw new SquadError('SQUADD_BAD_CONFIG', `cannot listen on ${path}: ${problem}`, {}, error)
  }
}

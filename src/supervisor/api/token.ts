import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import { lstatSync, readFileSync, unlinkSync, writeFileSync } from 'node:fs'
import { codeOf, SquadError } from '../domain/error.ts'

const form = /^[0-9a-f]{64}$/

/**
 * The token of this home, made on first use: 32 random bytes as hex in a file of mode 0600. Throws
 * SQUADD_BAD_CONFIG for a file that is not ours alone or holds no token.
 */
export function ensureToken(file: string): string {
  const found = lstatSync(file, { throwIfNoEntry: false })
  // A power cut while it was made leaves an empty one.
  if (found?.isFile() && found.size === 0) unlinkSync(file)
  try {
    const text = `${randomBytes(32).toString('hex')}\n`
    writeFileSync(file, text, { mode: 0o600, flag: 'wx', flush: true })
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error
  }
  return readToken(file)
}

/** The token in a file. Throws like ensureToken. */
export function readToken(file: string): string {
  const found = lstatSync(file)
  const uid = process.getuid?.() ?? found.uid
  if (!found.isFile() || found.uid !== uid || (found.mode & 0o077) !== 0)
    throw badToken(`${file} may be read by others`, `chmod 600 ${file}, then make a new token`)
  const token = readFileSync(file, 'utf8').trim()
  if (!form.test(token)) throw badToken(`${file} holds no token`, 'delete it: a new one is made')
  return token
}

/** Compares in a time that says nothing about where two tokens differ. */
export function isToken(given: string, token: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest()
  return timingSafeEqual(digest(given), digest(token))
}

const badToken = (message: string, hint: string): SquadError =>
  new SquadError('SQUADD_BAD_CONFIG', message, { hint })

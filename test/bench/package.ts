import { mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { execa } from 'execa'

const root = resolve(import.meta.dirname, '../..')
let packed: Promise<string> | undefined

/** The command of the package as it is published: built, packed, laid out as npm does it, once a run. */
export const packagedBin = (): Promise<string> => (packed ??= pack())

async function pack(): Promise<string> {
  const dir = mkdtempSync(join(tmpdir(), 'squadd-package-'))
  process.once('exit', () => rmSync(dir, { recursive: true, force: true }))
  // What a test runner loads into every Node is not for npm.
  const words = ['-u', 'NODE_OPTIONS', 'npm', 'pack', '--silent', '--pack-destination', dir]
  const { stdout } = await execa('env', words, { cwd: root })
  const archive = join(dir, stdout.trim().split('\n').at(-1)!)
  await execa('tar', ['-xzf', archive, '-C', dir])
  symlinkSync(join(root, 'node_modules'), join(dir, 'package', 'node_modules'))
  return join(dir, 'package', 'bin', 'squadd.js')
}

import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { execa } from 'execa'

const filesInFolder = 200

/** A repository of so many files of 1 kB in one commit. */
export async function makeRepository(dir: string, files: number): Promise<string> {
  const git = (...args: string[]) =>
    execa('git', ['-C', dir, '-c', 'user.name=bench', '-c', 'user.email=bench@localhost', ...args])
  mkdirSync(dir)
  await git('init', '-q', '-b', 'main')
  for (let n = 0; n < files; n += 1) {
    const folder = join(dir, `folder${Math.floor(n / filesInFolder)}`)
    if (n % filesInFolder === 0) mkdirSync(folder)
    writeFileSync(join(folder, `file${n}.txt`), `line ${n} of a file like many others\n`.repeat(28))
  }
  await git('add', '.')
  await git('commit', '-q', '-m', 'first')
  return dir
}

import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/**
 * The file of a process or thread entry beside this one: its `.ts` when run from source; in `dist`
 * the bundle of that name when there is one, else the compiled file.
 */
export function entryFile(name: string, bundle: string): string {
  const sibling = (file: string) => fileURLToPath(new URL(file, import.meta.url))
  if (import.meta.url.endsWith('.ts')) return sibling(`./${name}.ts`)
  const bundled = sibling(`./${bundle}.js`)
  return existsSync(bundled) ? bundled : sibling(`./${name}.js`)
}

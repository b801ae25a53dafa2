import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** A folder on the disk that benches use (`BENCH_DIR`, default /var/tmp); it goes with `using`. */
export function scratch(): { dir: string } & Disposable {
  const dir = mkdtempSync(join(tmpdir(), 'squadd-bench-'))
  // A server of another user has a folder in it.
  chmodSync(dir, 0o711)
  return { dir, [Symbol.dispose]: () => rmSync(dir, { recursive: true, force: true }) }
}

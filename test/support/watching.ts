import { once } from 'node:events'
import { watch } from 'node:fs'

/** Resolves when `holds` does; looks each time that the file or folder at `path` changes. */
export async function whenIn(
  path: string,
  holds: () => boolean,
  signal?: AbortSignal,
): Promise<void> {
  const changes = watch(path)
  try {
    while (!holds()) await once(changes, 'change', signal && { signal })
  } finally {
    changes.close()
  }
}

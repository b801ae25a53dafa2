import { chmodSync, closeSync, mkdirSync, openSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { execaSync } from 'execa'

/** Programs of their own for a squad, before those of the machine; answers the PATH that finds them. */
export function ownPrograms(dir: string, programs: Record<string, string>): string {
  const bin = join(dir, 'bin')
  mkdirSync(bin, { recursive: true })
  for (const [name, script] of Object.entries(programs)) {
    writeFileSync(join(bin, name), `#!/bin/sh\n${script}\n`)
    chmodSync(join(bin, name), 0o755)
  }
  return `${bin}:${process.env['PATH']}`
}

/** A tmux that can be held back, so that an agent whose host comes up meanwhile stays `starting`. */
export class SlowTmux {
  readonly script: string
  readonly #gate: string
  #held: number | null = null

  constructor(dir: string) {
    this.#gate = join(dir, 'slow')
    const tmux = execaSync('sh', ['-c', 'command -v tmux']).stdout
    // Whoever reads the gate waits until its only writer is gone; who asks for the version does not.
    const wait = `[ "$1" != -V ] && [ -p '${this.#gate}' ] && read -r _ <'${this.#gate}'`
    this.script = `${wait}\nexec '${tmux}' "$@"`
  }

  hold(): void {
    execaSync('mkfifo', [this.#gate])
    this.#held = openSync(this.#gate, 'r+')
  }

  /** Lets all go on; does nothing when none is held. */
  release(): void {
    if (this.#held === null) return
    rmSync(this.#gate)
    closeSync(this.#held)
    this.#held = null
  }
}

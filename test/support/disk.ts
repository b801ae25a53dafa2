import { execFileSync, spawnSync } from 'node:child_process'
import {
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  rmSync,
  rmdirSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

let mountable: boolean | undefined

/** This machine lets us mount: we are root, and no container says no. */
export function canMount(): boolean {
  if (mountable === undefined) {
    const dir = mkdtempSync(join(tmpdir(), 'squadd-mount-'))
    mountable = spawnSync('mount', ['-t', 'tmpfs', 'tmpfs', dir]).status === 0
    if (mountable) execFileSync('umount', [dir])
    rmdirSync(dir)
  }
  return mountable
}

/** Options of a test that mounts a disk of its own. */
export const withMounts = () => ({ skip: canMount() ? false : 'mounting a disk needs root' })

const fillerName = '.filler'
const litterName = '.litter'

/** A small disk in memory, mounted at a folder. */
export class Disk {
  readonly dir: string

  constructor(dir: string, bytes: number) {
    this.dir = dir
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${bytes},mode=700`, 'tmpfs', dir])
  }

  /** Not one byte more has room. */
  fill(): void {
    const file = openSync(join(this.dir, fillerName), 'a', 0o600)
    try {
      for (let size = 2 ** 20; size > 0;)
        try {
          writeSync(file, Buffer.alloc(size))
        } catch (error) {
          if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error
          size = Math.floor(size / 4)
        }
    } finally {
      closeSync(file)
    }
  }

  /** There is room for so many files more, and for enough bytes. */
  fillWithFiles(room: number): void {
    const litter = join(this.dir, litterName)
    execFileSync('mount', ['-o', 'remount,nr_inodes=400', this.dir])
    mkdirSync(litter)
    let made = 0
    try {
      for (; ; made++) writeFileSync(join(litter, String(made)), '')
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error
    }
    for (let n = 0; n < room; n++) rmSync(join(litter, String(made - 1 - n)))
  }

  free(): void {
    for (const name of [fillerName, litterName])
      rmSync(join(this.dir, name), { recursive: true, force: true })
  }

  close(): void {
    spawnSync('umount', ['-l', this.dir])
  }
}

/**
 * A disk whose content is what was synced to it, as after a power cut: an ext4 in a file, with a journal
 * that commits by itself only every 300 s.
 */
export class LoopDisk {
  readonly dir: string
  #image: string

  constructor(dir: string, image: string, bytes: number) {
    this.dir = dir
    this.#image = image
    execFileSync('truncate', ['-s', String(bytes), image])
    execFileSync('mkfs.ext4', ['-q', '-F', '-E', 'lazy_itable_init=0,lazy_journal_init=0', image])
    this.#mount()
  }

  /** What a power cut at this moment would leave; nobody may write meanwhile. */
  snapshot(copy: string): void {
    execFileSync('cp', ['--sparse=always', this.#image, copy])
  }

  /** Puts what a power cut left in the place of the disk. */
  replace(copy: string): void {
    this.close()
    this.#image = copy
    this.#mount()
  }

  close(): void {
    spawnSync('umount', ['-l', this.dir])
  }

  #mount(): void {
    execFileSync('mount', ['-o', 'loop,commit=300', this.#image, this.dir])
  }
}

/** What `statfs` says of a disk. */
type Disk = { bavail: number; bsize: number; ffree: number; files: number }

/** What more a disk takes, for us: bytes, and files (Infinity where the filesystem does not count). */
export type DiskRoom = { freeBytes: number; freeFiles: number }

export const roomOn = ({ bavail, bsize, ffree, files }: Disk): DiskRoom => ({
  freeBytes: bavail * bsize,
  freeFiles: files === 0 ? Number.POSITIVE_INFINITY : ffree,
})

export type Clocks = {
  /** Ms since 1970, as it may be set. */
  wall: () => number
  /** Ms that have passed, whatever was set. */
  passed: () => number
}

// What setting a clock right little by little may do at most, twice over.
const slewShare = 0.001
const jumpMs = 1000

/** Counts jumps of the wall clock beside the time that passed, between one look and the next. */
export function createClockWatch({ wall, passed }: Clocks) {
  const jumps = { forward: 0, backward: 0 }
  let last = { wall: wall(), passed: passed() }
  return {
    jumps,
    look(): void {
      const now = { wall: wall(), passed: passed() }
      const beside = now.wall - last.wall - (now.passed - last.passed)
      const may = Math.max(jumpMs, (now.passed - last.passed) * slewShare)
      if (beside > may) jumps.forward += 1
      if (beside < -may) jumps.backward += 1
      last = now
    },
  }
}

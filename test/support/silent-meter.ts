import type { Meter } from '../../src/supervisor/domain/meter.ts'

/** Measures nothing. */
export const silentMeter: Meter = {
  dispatched() {},
  stored() {},
  storeFailed() {},
  gitLockRetried() {},
  answered() {},
  subscribed: () => () => {},
  subscriberDropped() {},
  eventsMissed() {},
}

/** Limits of a relay's part in a cluster, and what happens at each. */
import { busClaimLimit } from "../wire/bus.ts";

export const busLimits = {
  /** Other relays known at one time; further ones are ignored and counted. */
  relays: 64,
  /** Claims taken from one relay; the rest of them is ignored and counted. */
  claimsPerRelay: busClaimLimit,
  /** Channels whose last epoch is remembered when their claims are over; the oldest are forgotten. */
  pastClaims: 4096,
  /** Bodies that are being put together; a further one is dropped and counted. */
  partials: 256,
  /** Bytes of those, and of frames that wait for a catch-up; what exceeds it is dropped and counted. */
  pendingBytes: 128 * 1024 * 1024,
  /** Of one channel: frames that wait for its catch-up. */
  heldFrames: 512,
  /** A body whose pieces stop coming is given up after this long. */
  partialTimeoutUs: 10_000_000,
  /** A catch-up larger than this goes without the picture, and newcomers wait for the next keyframe. */
  catchUpBytes: 32 * 1024 * 1024,
  /** A catch-up that does not come is asked for again after this long, then after twice as long, up to the second. */
  askAgainUs: 1_000_000,
  askAgainMostUs: 8_000_000,
  /** One relay gets no more than one catch-up of a channel in this time. */
  catchUpIntervalUs: 100_000,
  /** A claim that has stood this long beats a new one of the same epoch. */
  settledUs: 2_000_000,
  /** Bytes given to a broker that it has not confirmed; above it frames are dropped and counted. */
  backlogBytes: 32 * 1024 * 1024,
  /** Frames are missing when an announcement counted them and they have not come after this long. */
  behindUs: 1_000_000,
  /** Waits before a lost broker is tried again: doubling from the first to the second. */
  reconnectMs: { first: 250, most: 8000 },
} as const;

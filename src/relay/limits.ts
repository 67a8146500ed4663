/** The relay's limits that no option changes, and the defaults of those that options do (ds-stream section 7). */
export const relayLimits = {
  /** Spec. Events waiting for a slow source; motion is coalesced, then left out; presses only when all are presses. */
  inputsQueued: 256,
  /** An input event is no larger; larger ones are counted and dropped. */
  inputBytes: 4096,
  /** Events a second from one receiver; motion above it is dropped and counted. */
  inputsPerSecond: 1000,
  /** Bytes waiting in a source's socket above which input queues here instead. */
  sourceBacklogBytes: 64 * 1024,
  /** A signalling text is no larger: close 1009. */
  signalBytes: 64 * 1024,
  /** Signalling texts a second from one peer; the ones above are dropped and counted. */
  signalsPerSecond: 50,
  /** Messages from a receiver are no larger: close 1009. */
  receiverMessageBytes: 64 * 1024,
  /** Peers on the signalling side of one channel. */
  signalPeers: 64,
  /** Connections a second that one address of another machine may try for, and at once; then 429. */
  attemptsPerSecond: 20,
  attemptBurst: 200,
  /** Addresses remembered for that; the one longest unheard of is forgotten. */
  attemptAddresses: 4096,
} as const;

export const relayDefaults = {
  maxReceivers: 64,
  maxChannels: 256,
  /** Messages waiting for one receiver. */
  queueMessages: 16,
  keepaliveSeconds: 10,
  keepaliveTimeoutSeconds: 30,
  collectSeconds: 60,
  graceSeconds: 30,
  /** A source's largest message: close 1009. */
  maxMessageBytes: 64 * 1024 * 1024,
  /** Bytes waiting for one receiver, the largest single message aside. */
  queueBytes: 8 * 1024 * 1024,
} as const;

export type RelaySettings = { readonly [K in keyof typeof relayDefaults]: number };

/** Close codes of section 19, and of RFC 6455. */
export const closeCode = {
  goingAway: 1001,
  notPermitted: 1008,
  tooLarge: 1009,
  noMemory: 1013,
  keepalive: 4408,
  takenOver: 4409,
  tooSlow: 4413,
} as const;

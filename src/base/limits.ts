/**
 * Every limit of Patchbay, once, with what happens at it.
 * "Spec" marks numbers that the protocol fixes; the others are this implementation's and may change.
 */
export const limits = {
  /** Spec. Datagrams stay below this; larger data is cut into chunks. */
  packetBytes: 1400,
  /** Spec. Largest encoded video frame; a larger one is dropped and counted. */
  frameBytes: 16 * 1024 * 1024,
  /** Spec. Paired clients at one host; the next one is refused with a message. */
  peers: 16,
  /** Spec. Device names are cut to this many bytes of UTF-8. */
  deviceNameBytes: 63,
  /** Spec. A handshake message is sent again after this long without an answer. */
  handshakeRetryUs: 1_000_000,
  /** A client gives up when the host has not answered for this long. */
  connectTimeoutUs: 10_000_000,
  /** Spec. Silence from a peer that ends its session. */
  peerTimeoutUs: 5_000_000,
  /** Spec. Silence of our own that makes us send a ping. */
  pingIntervalUs: 1_000_000,
  /** Spec. UDP port. */
  port: 9876,
  /** Spec. Bit rates a client may ask for; others are refused and counted. */
  bitrateBps: { min: 500_000, max: 50_000_000, default: 10_000_000 },
  /** Spec (30-144); low rates are allowed for slow links. */
  fps: { min: 1, max: 144, default: 60 },
  /** Handshakes being answered at one time; beyond it the host asks for a cookie and keeps no state. */
  handshakesInProgress: 32,
  /** First messages a second that are answered without a cookie. */
  handshakesPerSecond: 20,
  /** A half-done handshake is forgotten after this long: as long as a client goes on trying. */
  handshakeTimeoutUs: 10_000_000,
  /** Unknown devices remembered while they wait for approval; the oldest goes first. */
  waitingPeers: 32,
  /** Finished sessions whose counters stay in the database; the oldest goes first. */
  storedSessions: 1000,
  /** Keys to relays at one time; a further one is refused. */
  relayKeys: 64,
  /** Rows of a relay's history, one a minute for the whole and each active channel; the oldest go first. */
  storedRelayMinutes: 100_000,
  /** Packets sent under one key before it is replaced (a power of two: the counter's upper part is the key's number). */
  packetsPerKey: 2 ** 20,
  /** Time after which a key is replaced. */
  keyLifetimeUs: 120_000_000,
  /** Packets of one frame leave no faster than this, but always within half a frame interval. */
  paceBps: 500_000_000,
  /** How far behind the newest counter a packet may be, in packets. */
  replayWindow: 2048,
  /** Half-received frames kept for reassembly; the oldest is given up as lost. */
  partialFrames: 4,
  /** A frame whose chunks stop coming is given up after this long. */
  partialFrameTimeoutUs: 500_000,
  /** A client asks for a keyframe at most this often. */
  keyframeRequestIntervalUs: 100_000,
  /** Reliable messages (presses, commands) not yet acknowledged; at the limit the session is closed, nothing is dropped. */
  reliableWindow: 256,
  /** Input events a second that a host takes from one client; more is dropped and counted. */
  inputEventsPerSecond: 4000,
  /** Gamepads at one host, of all clients; the next one is refused with a message. */
  pads: 4,
  /** Events a second that a host takes from one client's gamepads, touch screen and pen; the same happens. */
  deviceEventsPerSecond: 8000,
  /** Axes of a device, and the motors of a pad, are told at most this often; the newest wins. */
  deviceIntervalUs: 4000,
  rumbleIntervalUs: 10_000,
  /** What has stayed for this long is told once more, until it is acknowledged. */
  deviceSettleUs: 40_000,
  /** Encoded frames between the native encoder and TypeScript; when full, capture waits. */
  encodedFramesQueued: 8,
  /** Opus packets between the native sound source and TypeScript; when full, new ones are dropped and counted. */
  audioPacketsQueued: 64,
  /** Encoded frames waiting for the decoder; when full, frames are dropped up to the next keyframe. */
  framesToDecode: 32,
  /** Pictures that wait for their sound; when full, the oldest goes to the player before its time. */
  picturesHeld: 32,
  /** Bytes of the buffers that they wait in; when these do not suffice, all go at once. */
  heldPictureBytes: 64 * 1024 * 1024,
  /** The longest that a picture waits for its sound. */
  pictureHoldUs: 250_000,
  /** Datagrams between the native socket and TypeScript; when full, new ones are dropped and counted. */
  datagramsQueued: 8192,
  /** Socket receive buffer asked for, in bytes. */
  socketBufferBytes: 8 * 1024 * 1024,
  /** At the end of a command, what takes longer to close is given up and named. */
  closeTimeoutMs: 3000,
  /** Largest file that `inspect` reads. */
  inspectBytes: 16 * 1024 * 1024,
  /** The WebSocket server; ffi/abi.ts (pb_ws_settings) says what happens at each. */
  websocket: {
    connections: 20_000,
    pending: 1024,
    head_timeout_ms: 10_000,
    answer_timeout_ms: 30_000,
    close_timeout_ms: 3000,
    body_bytes: 65_536,
    /** Of single messages, by reference: a whole catch-up fits, which is the largest keyframe, its deltas, the state and its diffs. */
    queue_messages: 16_384,
    queue_bytes: 192 * 1024 * 1024,
    /** Of those that are copies and in no cache: texts and input. */
    copied_bytes: 1024 * 1024,
    source_messages: 256,
    source_bytes: 1024 * 1024,
    memory_mib: 256,
  },
  /** Largest picture. */
  width: 8192,
  height: 8192,
  /** Largest signal state, diff or schema, as JSON; a larger one is refused as malformed. */
  signalBytes: 1024 * 1024,
  /** Objects and arrays inside each other in a signal; deeper ones are refused. */
  signalDepth: 64,
  /** Tiles of one hybrid picture in either direction (64-pixel tiles of the largest picture). */
  hybridTiles: 128,
  /** Deltas kept since the last keyframe of a channel; at the limit they go, and newcomers wait for a keyframe. */
  cachedDeltas: 2400,
  /** Bytes of those deltas, keyframe not counted; the same happens. */
  cachedDeltaBytes: 16 * 1024 * 1024,
  /** Spec. Signal diffs kept since the last sync; above it the oldest 500 are merged into the sync, so that no state is lost. */
  cachedDiffs: 1000,
  /** Bytes of those diffs; above it all are merged. A state over signalBytes is given up, and newcomers wait for a sync. */
  cachedDiffBytes: 4 * 1024 * 1024,
  /** A local channel of ITKP messages (src/net/ipc.ts). */
  channel: {
    /** Connections of one server; the next one is closed and counted. */
    connections: 256,
    /** Connections that nobody accepted yet; the same happens. */
    waiting: 64,
    /** Messages in either direction that wait in this process. Then nothing more is read, or a send is refused; none is lost. */
    queueMessages: 1024,
    /** Bytes of them; the same happens. */
    queueBytes: 8 * 1024 * 1024,
  },
} as const;

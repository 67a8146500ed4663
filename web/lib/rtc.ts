/**
 * The direct path of pictures: a data channel {ordered: false, maxRetransmits: 0} from a source to each of several players, made
 * over a channel's room. It is an addition: the WebSocket carries everything all the time (two-paths.ts says how both become one),
 * so a peer connection that never comes up, or is cut, costs nothing. A source offers to who says hello; a player that has no open
 * channel within 5 seconds gives up and tries again later, ever more seldom.
 */
import type { Note, NoteContent } from "../../src/wire/note.ts";
import { Backoff } from "./backoff.ts";
import { ChunkJoiner, cutFrame, type DirectFrame, directFrameBytes } from "./chunks.ts";
import type { Room } from "./room.ts";

/** From hello to an open channel; then the WebSocket alone goes on. */
export const upgradeMs = 5000;
/** Players that one source sends to directly; the others stay on the WebSocket. */
const directPlayers = 8;
/** Bytes waiting in one data channel above which frames are left to the WebSocket. */
const backlogBytes = 1024 * 1024;

type Send = (note: NoteContent) => void;

/** What both ends of a connection do alike. Candidates that come before the description wait for it. */
class Peer {
  readonly connection: RTCPeerConnection;
  readonly id: string;
  readonly #early: (RTCIceCandidateInit | null)[] = [];

  constructor(id: string, ice: readonly string[], send: Send, failed: () => void) {
    this.id = id;
    this.connection = new RTCPeerConnection({ iceServers: ice.map((urls) => ({ urls })) });
    this.connection.onicecandidate = ({ candidate }) =>
      send({ type: "candidate", to: id, candidate: candidate?.toJSON() ?? null });
    let patience: ReturnType<typeof setTimeout> | undefined;
    this.connection.onconnectionstatechange = () => {
      const state = this.connection.connectionState;
      clearTimeout(patience);
      if (state === "failed" || state === "closed") failed();
      // A busy machine or a change of network may mend by itself; meanwhile the WebSocket brings everything.
      if (state === "disconnected") patience = setTimeout(failed, upgradeMs);
    };
  }

  async describe(description: RTCSessionDescriptionInit): Promise<void> {
    await this.connection.setRemoteDescription(description);
    for (const candidate of this.#early.splice(0)) await this.#add(candidate);
  }

  async candidate(candidate: RTCIceCandidateInit | null): Promise<void> {
    if (this.connection.remoteDescription) await this.#add(candidate);
    else if (this.#early.length < 64) this.#early.push(candidate);
  }

  async #add(candidate: RTCIceCandidateInit | null): Promise<void> {
    await this.connection.addIceCandidate(candidate ?? undefined);
  }
}

/** What a stranger's description or candidate does wrong ends that one connection only. */
function guarded(work: Promise<void>, failed: () => void): void {
  work.catch((cause) => {
    console.warn("peer connection", cause);
    failed();
  });
}

interface Player {
  readonly peer: Peer;
  readonly channel: RTCDataChannel;
}

/** The source's end. */
export class DirectSource {
  readonly #room: Room;
  readonly #ice: readonly string[];
  readonly #players = new Map<string, Player>();
  sentFrames = 0;
  skippedFrames = 0;

  constructor(room: Room, ice: readonly string[]) {
    this.#room = room;
    this.#ice = ice;
  }

  /** Players with an open channel. */
  get open(): number {
    return [...this.#players.values()].filter(({ channel }) => channel.readyState === "open").length;
  }

  note(note: Note): void {
    if (note.type === "hello") this.#offer(note.from);
    const player = this.#players.get(note.from);
    if (!player) return;
    const drop = () => this.#drop(note.from);
    if (note.type === "answer" && note.sdp) guarded(player.peer.describe({ type: "answer", sdp: note.sdp }), drop);
    if (note.type === "candidate") guarded(player.peer.candidate(note.candidate ?? null), drop);
    if (note.type === "bye") drop();
  }

  #offer(id: string): void {
    this.#drop(id);
    if (this.#players.size >= directPlayers) return;
    const peer = new Peer(
      id,
      this.#ice,
      (note) => this.#room.send(note),
      () => this.#drop(id, peer),
    );
    const channel = peer.connection.createDataChannel("frames", { ordered: false, maxRetransmits: 0 });
    channel.binaryType = "arraybuffer";
    channel.onclose = () => this.#drop(id, peer);
    this.#players.set(id, { peer, channel });
    const begin = async () => {
      await peer.connection.setLocalDescription();
      this.#room.send({ type: "offer", to: id, sdp: peer.connection.localDescription?.sdp ?? "" });
    };
    guarded(begin(), () => this.#drop(id, peer));
    setTimeout(() => {
      if (channel.readyState !== "open") this.#drop(id, peer);
    }, 2 * upgradeMs);
  }

  /** With `peer`, only when it is still that connection. */
  #drop(id: string, peer?: Peer): void {
    const player = this.#players.get(id);
    if (!player || (peer && player.peer !== peer)) return;
    this.#players.delete(id);
    player.peer.connection.close();
  }

  /** A whole frame goes to each player that keeps up; to the others the WebSocket brings it. */
  send(frame: DirectFrame): void {
    if (this.#players.size === 0 || frame.bytes.length > directFrameBytes) return;
    let chunks: Uint8Array<ArrayBuffer>[] | undefined;
    for (const { channel } of this.#players.values()) {
      if (channel.readyState !== "open") continue;
      if (channel.bufferedAmount > backlogBytes) {
        this.skippedFrames++;
        continue;
      }
      chunks ??= cutFrame(frame);
      for (const chunk of chunks) channel.send(chunk);
      this.sentFrames++;
    }
  }

  close(): void {
    for (const id of [...this.#players.keys()]) {
      this.#room.send({ type: "bye", to: id });
      this.#drop(id);
    }
  }
}

export interface DirectEvents {
  frame(frame: DirectFrame): void;
  open(isOpen: boolean): void;
}

/** The player's end. */
export class DirectPlayer {
  readonly #room: Room;
  readonly #ice: readonly string[];
  readonly #events: DirectEvents;
  readonly #backoff = new Backoff(upgradeMs, 60_000);
  #peer: Peer | undefined;
  #isOpen = false;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(room: Room, ice: readonly string[], events: DirectEvents) {
    this.#room = room;
    this.#ice = ice;
    this.#events = events;
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** Asks to be reached; call when the room is joined. */
  hello(): void {
    if (this.#isOpen) return;
    clearTimeout(this.#timer);
    this.#room.send({ type: "hello" });
    this.#timer = setTimeout(() => this.drop(), upgradeMs);
  }

  note(note: Note): void {
    if (note.type === "here") {
      this.#backoff.reset();
      // A new source: the old one's connection may take long to notice that nobody is there.
      if (this.#peer && this.#peer.id !== note.from) this.#end();
      this.hello();
    }
    if (note.type === "offer" && note.sdp && !this.#isOpen) this.#answer(note.from, note.sdp);
    if (note.from !== this.#peer?.id) return;
    if (note.type === "candidate") guarded(this.#peer.candidate(note.candidate ?? null), () => this.drop());
    if (note.type === "bye") this.drop();
  }

  #answer(id: string, sdp: string): void {
    this.#peer?.connection.close();
    const peer = new Peer(
      id,
      this.#ice,
      (note) => this.#room.send(note),
      () => {
        if (this.#peer === peer) this.drop();
      },
    );
    this.#peer = peer;
    peer.connection.ondatachannel = ({ channel }) => this.#listen(peer, channel);
    const reply = async () => {
      await peer.describe({ type: "offer", sdp });
      await peer.connection.setLocalDescription();
      this.#room.send({ type: "answer", to: id, sdp: peer.connection.localDescription?.sdp ?? "" });
    };
    guarded(reply(), () => {
      if (this.#peer === peer) this.drop();
    });
  }

  #listen(peer: Peer, channel: RTCDataChannel): void {
    const joiner = new ChunkJoiner();
    channel.binaryType = "arraybuffer";
    const opened = () => {
      if (this.#peer !== peer) return;
      clearTimeout(this.#timer);
      this.#isOpen = true;
      this.#backoff.reset();
      this.#events.open(true);
    };
    if (channel.readyState === "open") opened();
    else channel.onopen = opened;
    channel.onmessage = ({ data }) => {
      if (this.#peer !== peer || !(data instanceof ArrayBuffer)) return;
      const frame = joiner.add(new Uint8Array(data));
      if (frame) this.#events.frame(frame);
    };
    channel.onclose = () => {
      if (this.#peer === peer) this.drop();
    };
  }

  /** Ends the direct path, if any; it is tried again later. */
  drop(): void {
    this.#end();
    this.#timer = setTimeout(() => this.hello(), this.#backoff.next());
  }

  #end(): void {
    clearTimeout(this.#timer);
    const peer = this.#peer;
    this.#peer = undefined;
    peer?.connection.close();
    if (this.#isOpen) {
      this.#isOpen = false;
      this.#events.open(false);
    }
  }
}

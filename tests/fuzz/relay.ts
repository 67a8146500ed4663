/**
 * Seeded fuzz of the relay's core: `bun tests/fuzz/relay.ts [--seconds N] [--seed N]`. Peers of all roles come, send good and bad
 * things, stall, fall silent and vanish in any order. Whatever happens, a receiver never gets a delta or a diff without the one
 * before it, nothing comes twice, limits hold, memory stays bounded, and the core never throws.
 */
import { Prng } from "../../src/base/prng.ts";
import type { MemoryPeer } from "../../src/relay/memory-transport.ts";
import { frame, frameType } from "../../src/wire/ds.ts";
import { delta, diff, keyframe, move, press, RelayWorld, sync } from "../sim/relay-world.ts";
import { option } from "./long.ts";

const settings = {
  maxReceivers: 3,
  maxChannels: 5,
  queueMessages: 4,
  maxMessageBytes: 100_000,
  graceSeconds: 5,
  collectSeconds: 2,
  keepaliveSeconds: 1,
  keepaliveTimeoutSeconds: 3,
};
const names = ["a", "b", "c/d", "default", "e", "f", "g"];
const targets = ["/source/", "/stream/", "/stream/", "/stream/", "/signal/"];
const odd = [
  "/",
  "/source/a?takeover=1",
  "/source/b?audience=1",
  "/nowhere",
  "/stream/a%00",
  "/source/..",
  "//stream//",
  "/stream/a?key=%",
];

/** How far a channel's source has counted; it goes on from there whoever the source is. */
interface Count {
  picture: number;
  state: number;
}

/** What a receiver has. */
interface View {
  readonly peer: MemoryPeer;
  picture: number | undefined;
  state: number | undefined;
}

interface Party {
  readonly peer: MemoryPeer;
  readonly role: "source" | "receiver" | "signal";
  readonly channel: string;
}

function must(condition: boolean, what: string): void {
  if (!condition) throw new Error(what);
}

class RelayFuzz {
  readonly world = new RelayWorld(settings);
  readonly #random: Prng;
  #parties: Party[] = [];
  readonly #views = new Map<MemoryPeer, View>();
  readonly #counts = new Map<string, Count>();
  delivered = 0;

  constructor(seed: number) {
    this.#random = new Prng(seed);
  }

  #pick<T>(all: readonly T[]): T {
    return all[this.#random.below(all.length)] as T;
  }

  step(): void {
    const kind = this.#random.below(20);
    if (kind < 3) this.#connect();
    else if (kind < 12) this.#source();
    else if (kind < 15) this.#receiver();
    else if (kind === 15) this.#other();
    else if (kind === 16) this.world.pass(this.#random.below(20) / 10);
    else if (kind === 17) this.#leave();
    else this.#stall();
    this.#check();
  }

  #connect(): void {
    const target = this.#random.below(6) === 0 ? this.#pick(odd) : this.#pick(targets) + this.#pick(names);
    const peer = this.world.transport.connect(target);
    if (!peer.isOpen) {
      must(peer.status !== undefined && JSON.parse(peer.body).error !== undefined, `${target} was not answered`);
      return;
    }
    for (const [channel, { source, receivers, signalPeers }] of this.world.core.channels) {
      if (source === peer.id) this.#parties.push({ peer, role: "source", channel });
      if (signalPeers.has(peer.id)) this.#parties.push({ peer, role: "signal", channel });
      if (!receivers.has(peer.id)) continue;
      this.#parties.push({ peer, role: "receiver", channel });
      this.#views.set(peer, { peer, picture: undefined, state: undefined });
    }
  }

  #of(role: Party["role"]): Party | undefined {
    const all = this.#parties.filter((party) => party.role === role);
    return all.length > 0 ? this.#pick(all) : undefined;
  }

  #source(): void {
    const party = this.#of("source");
    if (!party) return;
    if (!this.#counts.has(party.channel)) this.#counts.set(party.channel, { picture: 0, state: 0 });
    const count = this.#counts.get(party.channel) as Count;
    const kind = this.#random.below(40);
    const isHeard = this.world.core.channels.get(party.channel)?.source === party.peer.id;
    if (!isHeard || kind === 0) party.peer.send(this.#noise());
    else if (kind === 1) party.peer.send(new Uint8Array(settings.maxMessageBytes + 1));
    else if (kind === 2) party.peer.send("text");
    else if (kind < 6) party.peer.send(keyframe(++count.picture));
    else if (kind < 25) party.peer.send(delta(++count.picture));
    else if (kind < 27) party.peer.send(sync(++count.state));
    else if (kind < 36) party.peer.send(diff(++count.state));
    // Larger than what a socket takes at once, so that queues fill.
    else party.peer.send(new Uint8Array(80_000).fill(0x7a));
  }

  /** Frames of no known type, and what is too short for a frame. */
  #noise(): Uint8Array {
    const bytes = this.#random.bytes(this.#random.below(60));
    if (bytes.length > 1) bytes.set([0x7a, (bytes[1] as number) & 0xfe]);
    return bytes.length === 1 ? new Uint8Array([0x7a]) : bytes;
  }

  #receiver(): void {
    const party = this.#of("receiver");
    if (!party) return;
    const kind = this.#random.below(6);
    if (kind === 0) party.peer.send(this.#random.bytes(this.#random.below(64)));
    else if (kind === 1) party.peer.send("text");
    else party.peer.send(kind < 4 ? move(1) : press(1));
  }

  #other(): void {
    const party = this.#of("signal");
    if (party) party.peer.send(this.#random.below(5) === 0 ? this.#random.bytes(10) : "offer");
  }

  #leave(): void {
    if (this.#parties.length > 0) this.#pick(this.#parties).peer.leave();
  }

  #stall(): void {
    if (this.#parties.length === 0) return;
    const { peer } = this.#pick(this.#parties);
    if (peer.isStalled) peer.resume();
    else if (this.#random.below(8) === 0) peer.isAnswering = false;
    else peer.isStalled = true;
  }

  #check(): void {
    const { core, transport } = this.world;
    for (const [peer, view] of this.#views) {
      for (const message of peer.take()) this.#see(view, message);
      if (!peer.isOpen) this.#views.delete(peer);
    }
    this.#parties = this.#parties.filter(({ peer }) => peer.isOpen);
    must(core.channels.size <= settings.maxChannels, "too many channels");
    for (const name of this.#counts.keys()) if (!core.channels.has(name)) this.#counts.delete(name);
    let held = 0;
    for (const { receivers, cache, source } of core.channels.values()) {
      must(receivers.size <= settings.maxReceivers, "too many receivers");
      for (const id of receivers.keys()) must(transport.queued(id) < 4_000_000, "too much waits");
      must(source === undefined || this.#parties.some(({ peer }) => peer.id === source), "a source that is not there");
      held += cache.catchUp().length + receivers.size * (cache.catchUp().length + settings.queueMessages);
    }
    must(transport.messagesAlive <= held + 20 * this.#parties.length + 10_000, "messages pile up");
  }

  #see(view: View, message: Uint8Array | string): void {
    must(typeof message !== "string", "a receiver got text");
    const bytes = message as Uint8Array;
    if (bytes.length < 16) return;
    this.delivered++;
    const header = new DataView(bytes.buffer, bytes.byteOffset);
    const n = frame.timestampMs(header, 0);
    switch (frame.type(header, 0)) {
      case frameType.keyframe:
        view.picture = n;
        break;
      case frameType.deltaPixels:
        if (view.picture === undefined) break;
        must(n === view.picture + 1, `picture ${n} came after ${view.picture}`);
        view.picture = n;
        break;
      case frameType.signalSync:
        must(view.state === undefined || n > view.state, `sync ${n} came after ${view.state}`);
        view.state = n;
        break;
      case frameType.signalDiff:
        must(view.state === undefined || n === view.state + 1, `diff ${n} came after ${view.state}`);
        view.state = n;
    }
  }

  /** All leave; nothing may be held but what the channels' caches keep, and after the grace period nothing at all. */
  end(): void {
    for (const { peer } of this.#parties) peer.leave();
    this.world.pass(settings.graceSeconds + 2 * settings.collectSeconds + 1);
    must(this.world.core.channels.size === 0, "a deserted channel stays");
    must(this.world.transport.messagesAlive === 0, "a message stays");
    must(!this.world.core.hasPeers, "a peer stays");
  }
}

export interface FuzzReport {
  readonly steps: number;
  readonly delivered: number;
  readonly failure?: string;
}

export function fuzzRelay(seed: number, steps: number): FuzzReport {
  const fuzz = new RelayFuzz(seed);
  let done = 0;
  try {
    for (; done < steps; done++) fuzz.step();
    fuzz.end();
    return { steps: done, delivered: fuzz.delivered };
  } catch (cause) {
    const failure = `seed ${seed}, step ${done}: ${cause instanceof Error ? (cause.stack ?? cause.message) : cause}`;
    return { steps: done, delivered: fuzz.delivered, failure };
  }
}

if (import.meta.main) {
  const end = performance.now() + option("seconds", 30) * 1000;
  let [seed, steps] = [option("seed", Date.now() % 1e9), 0];
  for (; performance.now() < end; seed++) {
    const report = fuzzRelay(seed, 20_000);
    steps += report.steps;
    if (!report.failure) continue;
    console.error(report.failure);
    process.exit(1);
  }
  console.log(`relay: ${steps} steps, no fault`);
}

/**
 * One relay's part in a cluster that is joined by a message bus: it claims the channels of its sources, follows those of others for
 * which it has receivers, and carries input and signalling texts across. Pure: messages and time come in, everything it does goes
 * through the bus and the channels. Who follows asks the source's relay for a catch-up and says again at each beat that it is there;
 * a channel that nobody elsewhere wants costs the bus nothing. Claims are announced when they change and at each beat, and end
 * with the relay or its silence.
 */
import { Counters } from "../base/counters.ts";
import {
  type BusClaim,
  type BusPiece,
  busEpochLimit,
  busKind,
  claimState,
  readAnnouncement,
  readBusMessage,
  readCatchUp,
  readWant,
} from "../wire/bus.ts";
import { type Bus, type BusEvents, type Subjects, subjectsOf } from "./bus.ts";
import { BusAssembly } from "./bus-assembly.ts";
import { busLimits } from "./bus-limits.ts";
import { BusVoice } from "./bus-voice.ts";
import { ByteBudget } from "./byte-budget.ts";
import { beats, type Claim, ClaimTable } from "./claims.ts";
import type { ClusterChannel, ClusterLink, ClusterSettings, ClusterStats } from "./cluster-link.ts";
import { Following, isPicture } from "./following.ts";
import { relayLimits } from "./limits.ts";
import { Publication } from "./publication.ts";

export const relayName = (relay: number): string => relay.toString(36);

export class Cluster implements ClusterLink {
  readonly drops = new Counters();
  /** Bind to the bus. */
  readonly events: BusEvents;

  readonly #settings: ClusterSettings;
  readonly #log: (text: string) => void;
  readonly #subjects: Subjects;
  readonly #voice: BusVoice;
  readonly #beatUs: number;
  readonly #timeoutUs: number;
  readonly #budget = new ByteBudget(busLimits.pendingBytes);
  readonly #assembly = new BusAssembly(this.#budget, this.drops);
  readonly #claims = new ClaimTable();
  /** All channels of this relay that somebody is or was on. */
  readonly #channels = new Map<string, ClusterChannel>();
  readonly #publications = new Map<string, Publication>();
  readonly #followings = new Map<string, Following>();
  #bus: Bus | undefined;
  #nowUs: number;
  #beatenUs = Number.NEGATIVE_INFINITY;
  #connections = 0;
  #messagesIn = 0;
  #bytesIn = 0;
  #catchUpsSent = 0;
  #catchUpsTaken = 0;
  #claimsLost = 0;

  constructor(settings: ClusterSettings, log: (text: string) => void, nowUs: number) {
    this.#settings = settings;
    this.#log = log;
    this.#nowUs = nowUs;
    this.#subjects = subjectsOf(settings.name);
    this.#voice = new BusVoice(settings.relay, this.#subjects, this.drops);
    this.#timeoutUs = settings.keepaliveTimeoutSeconds * 1e6;
    this.#beatUs = Math.min(settings.keepaliveSeconds * 1e6, this.#timeoutUs / 3);
    this.events = {
      connected: () => this.#connected(),
      lost: (why) => this.#log(`the bus is lost (${why}); local channels go on`),
      message: (bytes) => this.#message(bytes),
    };
  }

  /** Call once, with the bus whose events are bound to this. */
  join(bus: Bus): void {
    this.#bus = bus;
    this.#voice.join(bus);
    bus.subscribe(this.#subjects.all);
    bus.subscribe(this.#subjects.relay(this.#settings.relay));
  }

  setTime(nowUs: number): void {
    this.#nowUs = nowUs;
  }

  /** Whoever is there answers with its claims; what was missed meanwhile is asked for again. */
  #connected(): void {
    this.#connections++;
    this.#log(this.#connections === 1 ? "the bus is there" : "the bus is back");
    for (const publication of this.#publications.values()) publication.announcedUs ??= this.#nowUs;
    this.#announce(undefined, true);
    for (const following of this.#followings.values()) following.restart(this.#nowUs);
  }

  #announce(to: number | undefined, asks: boolean): void {
    const claims = [...this.#publications.values()].map((publication) => publication.announcement(this.#nowUs));
    this.#voice.announce(claims, { isWhole: true, asks, ...(to !== undefined && { to }) });
  }

  #announceOne(claim: BusClaim, to?: number): void {
    this.#voice.announce([claim], { isWhole: false, asks: false, ...(to !== undefined && { to }) });
  }

  // What the core tells.

  isTaken(channel: string): boolean {
    return this.#claims.best(channel)?.isLive === true;
  }

  sourceCame(channel: ClusterChannel): void {
    const { name } = channel;
    this.#channels.set(name, channel);
    this.#unfollow(name);
    const known = Math.max(this.#publications.get(name)?.epoch ?? 0, this.#claims.highestEpoch(name));
    const publication = new Publication(
      channel,
      Math.min(known + 1, busEpochLimit),
      this.#voice.isConnected ? this.#nowUs : undefined,
    );
    this.#publications.set(name, publication);
    this.#announceOne(publication.announcement(this.#nowUs));
  }

  sourceLeft(channel: ClusterChannel): void {
    const publication = this.#publications.get(channel.name);
    if (!publication) return;
    publication.isLive = false;
    this.#announceOne(publication.announcement(this.#nowUs));
    this.#settle(channel.name);
  }

  audienceChanged(channel: ClusterChannel): void {
    const { name } = channel;
    this.#channels.set(name, channel);
    const signals = this.#subjects.signals(name);
    if (channel.hasSignalPeers) this.#bus?.subscribe(signals);
    else this.#bus?.unsubscribe(signals);
    const following = this.#followings.get(name);
    this.#settle(name);
    if (following === this.#followings.get(name)) following?.renew();
  }

  frame(channel: string, message: Uint8Array): void {
    const publication = this.#publications.get(channel);
    if (!publication) return;
    const sequence = publication.nextSequence();
    if (publication.isWanted) this.#voice.frame(channel, publication.epoch, sequence, message);
  }

  signal(channel: string, text: string): void {
    this.#voice.signal(channel, text);
  }

  channelGone(name: string): void {
    this.#unfollow(name);
    this.#withdraw(name);
    this.#channels.delete(name);
    this.#bus?.unsubscribe(this.#subjects.signals(name));
  }

  // Whose channel it is.

  #withdraw(name: string): void {
    const publication = this.#publications.get(name);
    if (!publication) return;
    this.#publications.delete(name);
    this.#claims.noteEpoch(name, publication.epoch);
    this.#announceOne({ ...publication.announcement(this.#nowUs), state: claimState.gone });
  }

  /** Brings a channel in line with who claims it and who listens: ours, followed, or neither. */
  #settle(name: string): void {
    const other = this.#claims.best(name);
    const ours = this.#publications.get(name);
    if (ours) {
      if (!other || !beats(other, ours.claim(this.#settings.relay, this.#nowUs))) return;
      this.#lose(ours, other);
    }
    const channel = this.#channels.get(name);
    if (!channel) return;
    if (other && channel.receiverCount > 0) this.#follow(channel, other);
    else this.#unfollow(name);
    // Nobody keeps it up to date, and nobody is here to whom it would be better than nothing.
    if (channel.receiverCount === 0) channel.forget();
  }

  #lose(publication: Publication, to: Claim): void {
    const { channel } = publication;
    this.#claimsLost++;
    this.#log(`"${channel.name}" has its source on relay ${relayName(to.relay)} now`);
    this.#withdraw(channel.name);
    channel.evictSource(this.#nowUs);
  }

  #follow(channel: ClusterChannel, claim: Claim): void {
    const { name } = channel;
    const { relay, epoch } = claim;
    const present = this.#followings.get(name);
    if (present?.relay !== relay || present.epoch !== epoch) {
      this.#unfollow(name);
      this.#bus?.subscribe(this.#subjects.frames(name));
      const outbox = {
        want: (catchUp: boolean) => this.#voice.want(relay, name, epoch, catchUp, channel.receiverCount),
        deliver: (message: Uint8Array) => channel.relayRemote(message),
        adopt: (messages: readonly Uint8Array[]) => {
          this.#catchUpsTaken++;
          channel.adopt(messages);
        },
        drop: (reason: string) => this.drops.add(reason),
      };
      this.#followings.set(name, new Following(claim, this.#budget, outbox, this.#nowUs));
    }
    channel.remote = claim.isLive
      ? {
          relay,
          ready: () => this.#voice.hasRoom(relayLimits.inputBytes),
          send: (event) => this.#voice.input(relay, name, epoch, event),
        }
      : undefined;
  }

  #unfollow(name: string): void {
    const channel = this.#channels.get(name);
    if (channel) channel.remote = undefined;
    const following = this.#followings.get(name);
    if (!following) return;
    this.#followings.delete(name);
    following.close();
    this.#bus?.unsubscribe(this.#subjects.frames(name));
    this.#voice.leave(following.relay, name, following.epoch);
  }

  // What other relays say.

  #message(bytes: Uint8Array): void {
    this.#messagesIn++;
    this.#bytesIn += bytes.length;
    const read = readBusMessage(bytes);
    if (!read.ok) {
      this.drops.add(`bus-${read.error}`);
      return;
    }
    const piece = read.value;
    if (!this.#admits(piece)) return;
    const body = this.#assembly.push(piece, this.#nowUs);
    if (body) this.#body(piece, body);
  }

  #admits({ origin, kind, totalSize }: BusPiece): boolean {
    if (origin === this.#settings.relay) return false;
    if (totalSize > this.#largest(kind)) {
      this.drops.add("bus-too-large");
      return false;
    }
    const standing = this.#claims.hear(origin, this.#nowUs);
    if (standing === "too-many") this.drops.add("bus-too-many-relays");
    // It was cut off or frozen: what it claims now, it says when asked.
    else if (standing === "new" && kind !== busKind.announce && kind !== busKind.bye) this.#announce(origin, true);
    return standing !== "too-many";
  }

  #largest(kind: number): number {
    if (kind === busKind.frame) return this.#settings.maxMessageBytes;
    if (kind === busKind.catchUp) return 2 * busLimits.catchUpBytes;
    if (kind === busKind.input) return relayLimits.inputBytes;
    return kind === busKind.signal ? relayLimits.signalBytes : 1024 * 1024;
  }

  #body(piece: BusPiece, body: Uint8Array): void {
    const { kind, channel, origin } = piece;
    if (kind === busKind.frame) this.#followed(piece)?.frame(piece.sequence, body, this.#nowUs);
    else if (kind === busKind.catchUp) this.#catchUp(piece, body);
    else if (kind === busKind.want) this.#want(piece, body);
    else if (kind === busKind.leave) this.#publications.get(channel)?.leave(origin);
    else if (kind === busKind.input) this.#input(piece, body);
    else if (kind === busKind.signal) this.#channels.get(channel)?.signalRemote(new TextDecoder().decode(body));
    else if (kind === busKind.announce) this.#announced(origin, body);
    else this.#gone(origin, "left");
  }

  /** What is followed, if it is followed from there. */
  #followed({ channel, origin, epoch }: BusPiece): Following | undefined {
    const following = this.#followings.get(channel);
    if (following?.relay === origin && following.epoch === epoch) return following;
    this.drops.add("bus-stale");
    return undefined;
  }

  #catchUp(piece: BusPiece, body: Uint8Array): void {
    const read = readCatchUp(body);
    if (read.ok) this.#followed(piece)?.catchUp(read.value.nextSequence, read.value.messages, this.#nowUs);
    else this.drops.add(`bus-${read.error}`);
  }

  #want({ channel: name, origin, epoch }: BusPiece, body: Uint8Array): void {
    const want = readWant(body);
    if (!want.ok) {
      this.drops.add(`bus-${want.error}`);
      return;
    }
    const publication = this.#publications.get(name);
    if (publication?.epoch !== epoch) this.#announce(origin, false);
    else if (publication.want(origin, this.#nowUs, this.#timeoutUs, want.value)) {
      this.#catchUpsSent++;
      this.#voice.catchUp(origin, name, epoch, publication.sequence, this.#snapshot(publication.channel));
    }
  }

  #snapshot(channel: ClusterChannel): Uint8Array[] {
    const messages = channel.snapshot();
    const size = messages.reduce((sum, message) => sum + message.length, 0);
    if (size <= busLimits.catchUpBytes) return messages;
    this.drops.add("bus-picture-too-large");
    return messages.filter((message) => !isPicture(message));
  }

  #input({ channel, origin, epoch }: BusPiece, event: Uint8Array): void {
    const publication = this.#publications.get(channel);
    if (publication?.epoch === epoch) publication.channel.inputRemote(origin, event);
    else this.drops.add("bus-stale");
  }

  #announced(origin: number, body: Uint8Array): void {
    const read = readAnnouncement(body);
    if (!read.ok) {
      this.drops.add(`bus-${read.error}`);
      return;
    }
    const { asks } = read.value;
    const names = this.#claims.update(origin, read.value);
    if (asks) this.#announce(origin, false);
    for (const name of names) {
      this.#settle(name);
      this.#contradict(origin, name);
      const following = this.#followings.get(name);
      const claim = this.#claims.claimOf(origin, name);
      if (following?.relay !== origin || !claim) continue;
      // Who asks has just come to the bus, and what it sent meanwhile is lost.
      if (asks) following.restart(this.#nowUs);
      else following.announced(claim.nextSequence, this.#nowUs);
    }
  }

  /** Who claims what stays ours may not know of our claim. */
  #contradict(origin: number, name: string): void {
    const ours = this.#publications.get(name);
    if (!ours || !this.#claims.claimOf(origin, name)) return;
    this.#announceOne(ours.announcement(this.#nowUs), origin);
  }

  #gone(relay: number, how: string): void {
    if (!this.#claims.has(relay)) return;
    const names = this.#claims.remove(relay);
    this.#log(`relay ${relayName(relay)} ${how}`);
    for (const publication of this.#publications.values()) publication.leave(relay);
    for (const name of names) this.#settle(name);
  }

  /** Call about every 50 ms. */
  tick(nowUs: number): void {
    this.#nowUs = nowUs;
    for (const relay of this.#claims.silent(nowUs, this.#timeoutUs)) this.#gone(relay, "is silent");
    for (const following of this.#followings.values()) following.tick(nowUs);
    if (nowUs - this.#beatenUs < this.#beatUs) return;
    this.#beatenUs = nowUs;
    for (const publication of this.#publications.values()) publication.expire(nowUs);
    this.#assembly.expire(nowUs, (origin) => !this.#claims.has(origin));
    this.#announce(undefined, false);
    for (const following of this.#followings.values()) following.renew();
  }

  stats(): ClusterStats {
    return {
      relay: relayName(this.#settings.relay),
      isConnected: this.#voice.isConnected,
      reconnects: Math.max(0, this.#connections - 1),
      relays: this.#claims.relays,
      claims: this.#publications.size,
      claimsElsewhere: this.#claims.claims,
      wanted: [...this.#publications.values()].filter((publication) => publication.isWanted).length,
      followed: this.#followings.size,
      messagesIn: this.#messagesIn,
      bytesIn: this.#bytesIn,
      messagesOut: this.#voice.messages,
      bytesOut: this.#voice.bytes,
      catchUpsSent: this.#catchUpsSent,
      catchUpsTaken: this.#catchUpsTaken,
      claimsLost: this.#claimsLost,
      pendingBytes: this.#budget.used,
      drops: this.drops.toJSON(),
    };
  }

  /** Tells the others, so that they need not wait for the silence. Close the bus afterwards. */
  leave(): void {
    this.#voice.bye();
  }
}

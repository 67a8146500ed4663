/**
 * The host at work: grabber, socket, injector, store and page around the core. This shell does the I/O and decides nothing; the
 * order in which things open is the order below, and they close the other way round.
 */
import { nativeCipher } from "../../ffi/aead.ts";
import { monotonicClock } from "../../ffi/clock.ts";
import { openGrabber } from "../../ffi/grabber.ts";
import { openInjector } from "../../ffi/input.ts";
import type {
  Address,
  Datagram,
  EncodedFrame,
  Grabber,
  GrabberDescription,
  Injector,
  UdpSocket,
  VideoCodec,
} from "../../ffi/interfaces.ts";
import { openUdp } from "../../ffi/udp.ts";
import { limits } from "../base/limits.ts";
import { createLog } from "../base/log.ts";
import { fail, ok, type Result } from "../base/result.ts";
import type { DeviceIdentity } from "../secure/identity.ts";
import { kindOf } from "../wire/device-input.ts";
import { chunkFlag, codec, codecShift, permission } from "../wire/root.ts";
import { type ChannelHost, type ChannelPipe, HostChannel } from "./channel.ts";
import { HostCore, type HostOutbox, type LeaveReason } from "./core.ts";
import type { Directory } from "./directory.ts";
import { endOf, SourceFailures } from "./failures.ts";
import { HostMeters } from "./meters.ts";
import { Relaying, type RelayingOptions } from "./relaying.ts";
import { HostSound, type HostSoundOptions } from "./sound.ts";
import { HostStills } from "./stills.ts";
import type { OutgoingFrame, Viewer } from "./viewer.ts";
import type { EncoderSettings } from "./wishes.ts";
import { decodes, tellOfCodec, tellOfComing, tellOfLeaving } from "./words.ts";

const log = createLog("host");

export interface HostOptions {
  readonly capture: string;
  /** X display, device or file; "" for the default. */
  readonly target: string;
  readonly encoder: string;
  readonly codec: VideoCodec;
  readonly width: number;
  readonly height: number;
  readonly fps: number;
  readonly bitrateBps: number;
  readonly keyframeIntervalSeconds: number;
  readonly listen: { readonly host: string; readonly port: number };
  /** Injection backend, or "off". */
  readonly input: string;
  readonly inputTarget: string;
  readonly sound: HostSoundOptions;
  /** The relay that the picture is published to. */
  readonly relay?: RelayingOptions | undefined;
}

/** How often unanswered things are looked at while somebody is connected. */
const tickMs = 10;
/** How often the owner's decisions are looked for in the database. */
const reviewMs = 300;

export class Host {
  readonly meters = new HostMeters();
  readonly failures = new SourceFailures();
  readonly core: HostCore<Address, Datagram>;
  readonly sound: HostSound;
  readonly startedUs = monotonicClock.nowUs();
  /** Settles when the host cannot go on by itself: what is captured went away. */
  readonly ended: Promise<Result<void>>;

  readonly #directory: Directory;
  readonly #udp: UdpSocket;
  readonly #grabber: Grabber;
  readonly #injector: Injector | undefined;
  readonly #end: (result: Result<void>) => void;
  #settings: EncoderSettings;
  #frameId = 0;
  readonly #codecFlags: number;
  #size: { width: number; height: number };
  #ticking: ReturnType<typeof setInterval> | undefined;
  readonly #reviewing: ReturnType<typeof setInterval>;
  #closed = false;
  /** The frame that is being published. */
  #current: EncodedFrame | undefined;
  readonly #channelHost: ChannelHost;
  readonly relaying: Relaying | undefined;
  /** The channel that this host's own page shows; none until it is asked for. */
  browsers: HostChannel | undefined;
  #stills: HostStills | undefined;

  static open(options: HostOptions, identity: DeviceIdentity, directory: Directory): Result<Host> {
    // The callbacks run on the event loop, hence after `host` is set.
    let host: Host | undefined;
    const udp = openUdp({ address: options.listen.host, port: options.listen.port }, () => {
      if (host) host.#onDatagrams();
    });
    if (!udp.ok) return udp;
    const grabber = openGrabber(grabberSettings(options), () => {
      if (host) host.#onFrames();
    });
    if (!grabber.ok) {
      udp.value.close();
      return grabber;
    }
    const injector = chooseInjector(options, grabber.value.describe());
    if (!injector.ok) {
      grabber.value.close();
      udp.value.close();
      return injector;
    }
    const sound = HostSound.open(options.sound, (packet) => host?.core.sound.publish(packet));
    if (!sound.ok) {
      injector.value?.close();
      grabber.value.close();
      udp.value.close();
      return sound;
    }
    host = new Host(options, identity, directory, udp.value, grabber.value, injector.value, sound.value);
    return ok(host);
  }

  private constructor(
    options: HostOptions,
    identity: DeviceIdentity,
    directory: Directory,
    udp: UdpSocket,
    grabber: Grabber,
    injector: Injector | undefined,
    sound: HostSound,
  ) {
    this.sound = sound;
    this.#directory = directory;
    this.#udp = udp;
    this.#grabber = grabber;
    this.#injector = injector;
    this.#settings = { bitrateBps: options.bitrateBps, fps: options.fps, quality: 50 };
    const { width, height, codec: coded } = grabber.describe();
    this.#codecFlags = codec[coded] << codecShift;
    this.#size = { width, height };
    const { promise, resolve } = Promise.withResolvers<Result<void>>();
    this.ended = promise;
    this.#end = resolve;
    grabber.setPaused(true);
    const outbox = this.#outbox();
    const forbidden = options.sound.microphone ? 0 : permission.microphone;
    this.core = new HostCore({ identity, cipher: nativeCipher(), owner: this.#settings, forbidden }, outbox);
    this.#channelHost = {
      inject: outbox.inject,
      flushInput: outbox.flushInput,
      requestKeyframe: outbox.requestKeyframe,
      devices: this.core.devices,
      attach: (subscriber) => this.core.attach(subscriber),
      detach: (subscription) => this.core.detach(subscription),
      attachSound: (subscriber) => this.core.attachSound(subscriber),
      detachSound: (subscription) => this.core.detachSound(subscription),
      size: () => this.#size,
      bytesOf: (frame) => this.#bytesOf(frame),
    };
    injector?.listen(() => this.#onFeedback(injector));
    if (options.relay) this.relaying = new Relaying(options.relay, this.#channelHost);
    this.#reviewing = setInterval(() => {
      if (directory.changed()) this.core.review(monotonicClock.nowUs());
    }, reviewMs);
  }

  get port(): number {
    return this.#udp.port;
  }

  get receiveBufferBytes(): number {
    return this.#udp.bufferBytes;
  }

  /** What is captured and encoded now, with the size of the newest picture. */
  describe(): GrabberDescription {
    return { ...this.#grabber.describe(), ...this.#size };
  }

  get inputBackend(): string {
    return this.#injector?.backend ?? "off";
  }

  get settings(): EncoderSettings {
    return this.#settings;
  }

  /** The picture as a channel for this machine's own page, whose viewers may do what the owner may. */
  openBrowsers(pipe: ChannelPipe): HostChannel {
    this.browsers = new HostChannel(this.#channelHost, pipe, true);
    return this.browsers;
  }

  /** The same as stills, for browsers that cannot decode video. */
  openStills(pipe: ChannelPipe): HostStills {
    this.#stills = new HostStills(this.#channelHost, pipe);
    return this.#stills;
  }

  /** Somebody who cannot go on without one says so. */
  requestKeyframe(): void {
    this.#grabber.requestKeyframe();
  }

  /** Channels besides the clients: a relay's, and the page's. */
  get channels(): readonly HostChannel[] {
    return [this.relaying?.channel, this.browsers].filter((channel) => channel !== undefined);
  }

  udpStats() {
    return this.#udp.stats();
  }

  grabberStats() {
    return this.#grabber.stats();
  }

  #outbox(): HostOutbox<Address, Datagram> {
    const directory = this.#directory;
    const injector = this.#injector;
    return {
      send: (to, packet, size) => void this.#udp.send(to, packet, size),
      sendFrame: (to, key, counter, frame) => this.#udp.sendFrame(to, key, counter, frame),
      addressOf: (datagram) => this.#udp.addressOf(datagram),
      inject: (type, code, value) => void injector?.send(type, code, value),
      flushInput: () => {
        // The end of a group (EV_SYN), for which injectors keep gathered motion back.
        injector?.send(0, 0, 0);
        injector?.flush();
      },
      plug: (device, name) => plugInto(injector, device, name),
      unplug: (device) => injector?.unplug(device),
      injectTo: (device, type, code, value) => void injector?.sendTo(device, type, code, value),
      requestKeyframe: () => this.#grabber.requestKeyframe(),
      encoder: (settings, watched) => this.#configure(settings, watched),
      listened: (isHeard, lossPercent) => this.sound.listened(isHeard, lossPercent),
      microphone: (viewer, packet, nowUs) => this.sound.microphones.push(viewer, packet, nowUs),
      meet: (established, remote) => {
        const { codec: coded } = this.#grabber.describe();
        if (!decodes(established, coded)) {
          this.core.drops.add("client-without-codec");
          tellOfCodec(established, coded);
        }
        return directory.meet(established, `${remote.host}:${remote.port}`);
      },
      verdict: (key) => directory.verdict(key),
      joined: (viewer) => {
        this.#tick();
        tellOfComing(viewer, directory.verdict(viewer.identity.key).state === "approved");
      },
      left: (viewer, why) => this.#left(viewer, why),
    };
  }

  #onFeedback(injector: Injector): void {
    injector.rearm();
    const nowUs = monotonicClock.nowUs();
    for (let wanted = injector.feedback(); wanted; wanted = injector.feedback()) {
      const { kind, device, strong, weak, durationMs, leds } = wanted;
      if (kind === "leds") this.core.setLockKeys(leds, nowUs);
      else this.core.devices.rumble(device, strong, weak, durationMs, nowUs);
    }
  }

  #configure(settings: EncoderSettings, watched: boolean): void {
    const before = this.#settings;
    if (settings.bitrateBps !== before.bitrateBps) this.#grabber.setBitrate(settings.bitrateBps);
    if (settings.fps !== before.fps) this.#grabber.setFps(settings.fps);
    if (settings.quality !== before.quality) this.#grabber.setQuality(settings.quality);
    this.#settings = settings;
    this.#grabber.setPaused(!watched);
  }

  #bytesOf({ address }: OutgoingFrame): Uint8Array {
    if (this.#current?.address !== address) throw new Error("a frame's bytes are there only while it is published");
    return this.#grabber.bytes(this.#current);
  }

  #left(viewer: Viewer<Address>, why: LeaveReason): void {
    const seconds = (monotonicClock.nowUs() - viewer.connectedUs) / 1e6;
    tellOfLeaving(viewer, why, seconds);
    this.#directory.left(viewer, seconds, why);
    this.sound.microphones.left(viewer);
  }

  #onDatagrams(): void {
    this.#udp.rearm();
    this.#udp.drain((datagram) => this.core.receive(datagram, monotonicClock.nowUs()));
    if (this.core.busy) this.#tick();
  }

  #onFrames(): void {
    const grabber = this.#grabber;
    grabber.rearm();
    for (let frame = grabber.take(); frame; frame = grabber.take()) {
      if (frame.kind === "lost") {
        this.#end(fail("unavailable", endOf(frame, grabber.text(frame))));
        return;
      }
      if (frame.kind === "encoder" || frame.kind === "capture") {
        log.warn(this.failures.add(frame.kind, grabber.text(frame)));
        grabber.release();
        continue;
      }
      if (frame.kind === "resized") {
        this.#size = { width: frame.width, height: frame.height };
        log.info(`the picture is now ${frame.width}x${frame.height}`);
        grabber.release();
        continue;
      }
      const takenUs = monotonicClock.nowUs();
      this.#frameId = (this.#frameId + 1) >>> 0;
      this.#current = frame;
      this.core.publish({
        address: frame.address,
        size: frame.size,
        keyframe: frame.keyframe,
        frameId: this.#frameId,
        chunkFlags: (frame.keyframe ? chunkFlag.keyframe : 0) | this.#codecFlags,
        captureUs: frame.captureUs,
        spreadUs: Math.min(500_000 / this.#settings.fps, (frame.size * 8e6) / limits.paceBps),
        sentUs: takenUs,
      });
      this.#current = undefined;
      this.meters.add(frame, frame.size, frame.keyframe, takenUs, monotonicClock.nowUs());
      grabber.release();
    }
  }

  /** Runs the clockwork while there is anybody to keep time for, and lets the process sleep otherwise. */
  #tick(): void {
    this.#ticking ??= setInterval(() => {
      this.core.tick(monotonicClock.nowUs());
      this.sound.microphones.tick(monotonicClock.nowUs());
      if (this.core.busy) return;
      clearInterval(this.#ticking);
      this.#ticking = undefined;
    }, tickMs);
  }

  /** Says goodbye to all clients, releases their keys, stops the threads. Idempotent. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    clearInterval(this.#ticking);
    clearInterval(this.#reviewing);
    this.relaying?.close();
    this.browsers?.stop();
    this.#stills?.stop();
    this.core.close(monotonicClock.nowUs());
    this.sound.close();
    this.#injector?.close();
    this.#grabber.close();
    this.#udp.close();
    this.#end(ok(undefined));
  }
}

function grabberSettings(options: HostOptions) {
  const { capture, target, encoder, codec, width, height, fps, bitrateBps, keyframeIntervalSeconds } = options;
  const keyframeInterval = Math.round(keyframeIntervalSeconds * fps);
  return { capture, target, encoder, codec, width, height, fps, bitrateBps, keyframeInterval };
}

/**
 * Input belongs where the picture comes from. An X display takes it by XTEST, because many (Xvfb, nested ones) never look at the
 * kernel's devices; a captured screen has something behind it that does, so there it goes into the kernel. What shows neither
 * takes input only when told where.
 */
function chooseInjector(options: HostOptions, source: GrabberDescription): Result<Injector | undefined> {
  if (options.input === "off") return ok(undefined);
  const wanted = options.input === "auto" ? naturalInput(source.capture, options.inputTarget) : options.input;
  const target = options.inputTarget || (wanted === "xtest" && source.capture === "x11" ? options.target : "");
  const opened = openInjector(wanted, target);
  if (opened.ok || options.input !== "auto") return opened;
  // A screen without virtual devices may still have an X server behind it that takes input.
  const other = wanted === "uinput" && process.env.DISPLAY ? openInjector("xtest", "") : opened;
  log.warn(`${other.ok ? "input goes to the X display only" : "input is off"}: ${opened.message}`);
  return other.ok ? other : ok(undefined);
}

function plugInto(injector: Injector | undefined, device: number, name: string): Result<void> {
  const plugged = injector?.plug(device, name) ?? fail("unavailable", "input is off");
  const what = `${kindOf(device) === "pad" ? `gamepad ${device}` : `the ${kindOf(device)} device`} (a client's "${name}")`;
  if (plugged.ok) log.info(`${what} is plugged`);
  else log.warn(`${what} cannot be made: ${plugged.message}`);
  return plugged;
}

function naturalInput(capture: string, target: string): string {
  if (capture === "x11" || (target !== "" && !target.startsWith("/"))) return "xtest";
  return capture === "drm" || capture === "fbdev" || target !== "" ? "uinput" : "log";
}

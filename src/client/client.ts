/**
 * The client at work: socket, player and window input around the core. This shell does the I/O and decides nothing. The window
 * opens at once, so that a display that cannot be used is known before anybody is asked to approve this device.
 */
import { nativeCipher } from "../../ffi/aead.ts";
import { monotonicClock } from "../../ffi/clock.ts";
import type { Address, UdpSocket } from "../../ffi/interfaces.ts";
import { decodableCodecs } from "../../ffi/player.ts";
import { openUdp } from "../../ffi/udp.ts";
import { limits } from "../base/limits.ts";
import { createLog } from "../base/log.ts";
import { fail, ok, type Result } from "../base/result.ts";
import { toMillis } from "../base/units.ts";
import type { DeviceIdentity } from "../secure/identity.ts";
import { kindOf } from "../wire/device-input.ts";
import type { WholeFrame } from "../wire/reassembly.ts";
import { codec, device as deviceNumber } from "../wire/root.ts";
import { ClientCore, type EndReason, type HostIdentity } from "./core.ts";
import type { DeviceStateName } from "./devices.ts";
import type { ClientMeters } from "./meters.ts";
import { Microphone, type MicrophoneOptions, noMicrophone } from "./microphone.ts";
import type { Sounding, Transfer } from "./report.ts";
import { type SoundOptions, SoundOutput } from "./sound.ts";
import { copyBytes, PlayerWindow, type WindowEvents, type WindowOptions } from "./window.ts";

export interface ClientOptions extends WindowOptions {
  /** Literal address of the host. */
  readonly address: string;
  readonly port: number;
  /** The host's key when it is known already. */
  readonly expectedKey: Uint8Array | undefined;
  readonly bitrateBps: number | undefined;
  readonly fps: number | undefined;
  readonly quality: number | undefined;
  readonly sound: SoundOptions;
  /** Undefined when nothing is to be said. */
  readonly microphone: MicrophoneOptions | undefined;
}

export interface ClientListener {
  connected(host: HostIdentity): void;
  admitted(permissions: number): void;
}

const log = createLog("client");

const tickMs = 10;

export class Client {
  readonly core: ClientCore;
  /** Settles when the session is over: ok when a person closed the window, a Failure otherwise. */
  readonly ended: Promise<Result<void>>;

  readonly #udp: UdpSocket;
  readonly #window: PlayerWindow;
  readonly #sound: SoundOutput;
  readonly #microphone: Microphone | undefined;
  readonly #remote: Address;
  readonly #end: (result: Result<void>) => void;
  readonly #ticking: ReturnType<typeof setInterval>;
  #closed = false;
  #wasDeaf = false;

  static open(options: ClientOptions, identity: DeviceIdentity, listener: ClientListener): Result<Client> {
    let client: Client | undefined;
    const udp = openUdp({ address: options.address.includes(":") ? "::" : "0.0.0.0", port: 0 }, () => {
      if (client) client.#onDatagrams();
    });
    if (!udp.ok) return udp;
    const remote = udp.value.address(options.address, options.port);
    if (!remote.ok) {
      udp.value.close();
      return remote;
    }
    const window = PlayerWindow.open(
      options,
      windowEvents(() => client),
    );
    if (!window.ok) {
      udp.value.close();
      return window;
    }
    const sound = SoundOutput.open(options.sound);
    if (!sound.ok) {
      window.value.close();
      udp.value.close();
      return sound;
    }
    client = new Client(options, identity, listener, udp.value, window.value, sound.value, remote.value);
    return ok(client);
  }

  private constructor(
    options: ClientOptions,
    identity: DeviceIdentity,
    listener: ClientListener,
    udp: UdpSocket,
    window: PlayerWindow,
    sound: SoundOutput,
    remote: Address,
  ) {
    this.#udp = udp;
    this.#window = window;
    this.#sound = sound;
    this.#remote = remote;
    const { promise, resolve } = Promise.withResolvers<Result<void>>();
    this.ended = promise;
    this.#end = resolve;
    const { bitrateBps, fps, quality, expectedKey } = options;
    const connectionId = crypto.getRandomValues(new Uint32Array(1))[0] as number;
    const settings = {
      identity,
      cipher: nativeCipher(),
      copy: copyBytes,
      expectedKey,
      connectionId,
      bitrateBps,
      fps,
      quality,
    };
    this.core = new ClientCore(
      { ...settings, codecs: decodableCodecs(options.decoder), sound: sound.isThere },
      {
        undecodable: (number) => this.finish(undecodable(number, options)),
        send: (packet, size) => void udp.send(remote, packet, size),
        frame: (frame, nowUs) => this.#frame(frame, nowUs),
        sound: ({ data, size, captureUs }) => sound.push(data, size, captureUs),
        rumble: (device, strong, weak, durationMs) => window.rumble(device, strong, weak, durationMs),
        deviceState: (device, state) => {
          if (device === deviceNumber.touch) window.setTouch(state === "ready");
          tellDevice(device, state);
        },
        connected: (host) => listener.connected(host),
        admitted: (permissions) => {
          if (this.core.mayInput) window.inputAllowed(monotonicClock.nowUs());
          if (permissions !== 0) this.#tellSound();
          listener.admitted(permissions);
        },
        ended: (reason) => resolve(failureOf(reason, options)),
      },
      monotonicClock.nowUs(),
    );
    if (options.microphone)
      this.#microphone = new Microphone(options.microphone, (packet) =>
        this.core.speak(packet, monotonicClock.nowUs()),
      );
    this.#ticking = setInterval(() => this.#tick(monotonicClock.nowUs()), tickMs);
  }

  #tick(nowUs: number): void {
    this.core.tick(nowUs);
    const lossPercent = this.#sound.tick(this.core.link?.clock.offsetUs, nowUs);
    if (lossPercent !== undefined) this.core.tellSoundLoss(lossPercent, nowUs);
  }

  /** What this client may hear and say may have changed. */
  #tellSound(): void {
    if (this.#sound.isThere && !this.core.mayHear && !this.#wasDeaf)
      log.warn("the host's owner does not permit this device to hear its sound (patchbay peers approve --permit)");
    this.#wasDeaf = !this.core.mayHear;
    this.#microphone?.permit(this.core.maySpeak);
  }

  get sound(): SoundOutput {
    return this.#sound;
  }

  get meters(): ClientMeters {
    return this.#window.meters;
  }

  describe() {
    return this.#window.describe();
  }

  snapshot() {
    return this.#window.snapshot();
  }

  playerStats() {
    return this.#window.stats();
  }

  transfer(): Transfer {
    const { link, frames, drops } = this.core;
    return {
      frames: frames.stats,
      lossPercent: link?.lossPercent ?? 0,
      rttMs: link?.clock.roundTripUs === undefined ? null : toMillis(link.clock.roundTripUs),
      clockOffsetUs: link?.clock.offsetUs ?? null,
      drops: { ...drops.toJSON(), ...link?.drops.toJSON() },
    };
  }

  sounding(): Sounding {
    const sound = this.#sound.report(this.core.permissions !== 0 && !this.core.mayHear);
    return { sound, microphone: this.#microphone?.report() ?? noMicrophone };
  }

  udpStats() {
    return this.#udp.stats();
  }

  #onDatagrams(): void {
    this.#udp.rearm();
    this.#udp.drain((datagram) => {
      // Only the host is listened to; what others send to this port is not even opened.
      if (datagram.addressKey !== this.#remote.key) this.core.drops.add("not-ours");
      else this.core.receive(datagram.buffer, datagram.view, datagram.start, datagram.size, monotonicClock.nowUs());
    });
  }

  #frame(frame: WholeFrame, nowUs: number): boolean {
    this.meters.arrived(frame, this.core.link?.clock.offsetUs, nowUs);
    const coded = frame.codec === codec.hevc ? "hevc" : "h264";
    return this.#window.push(frame.buffer, frame.size, frame.frameId, frame.keyframe, frame.captureUs, coded);
  }

  /** The window's person is done, or the window is gone. */
  finish(result: Result<void>): void {
    this.#end(result);
  }

  /** Lets go of all keys, says goodbye, closes the window. Idempotent. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    clearInterval(this.#ticking);
    const nowUs = monotonicClock.nowUs();
    this.core.releaseKeys(nowUs);
    this.core.close(nowUs);
    this.#microphone?.close();
    this.#sound.close();
    this.#window.close();
    this.#udp.close();
    this.#end(ok(undefined));
  }
}

/** The window opens before the client is made; nothing happens in it until both are there. */
function windowEvents(client: () => Client | undefined): WindowEvents {
  const core = () => client()?.core;
  return {
    devices: {
      plug: (device, name, rumbles, nowUs) => core()?.devices.plug(device, name, rumbles, nowUs),
      unplug: (device, nowUs) => core()?.devices.unplug(device, nowUs),
      add: (device, type, code, value, nowUs) => core()?.devices.add(device, type, code, value, nowUs),
    },
    offsetUs: () => core()?.link?.clock.offsetUs,
    broken: (nowUs) => core()?.frames.broken(nowUs),
    input: (type, code, value, nowUs) => core()?.typed(type, code, value, nowUs),
    flushInput: (nowUs) => core()?.input.flush(nowUs),
    releaseKeys: (nowUs) => core()?.releaseKeys(nowUs),
    setPaused: (paused, nowUs) => core()?.setPaused(paused, nowUs),
    pictureDueUs: (captureUs) => client()?.sound.pictureDueUs(captureUs),
    shown: (ageUs, waitUs, inPlayerUs) => client()?.sound.picture(ageUs, waitUs, inPlayerUs),
    toggleMute: () => client()?.sound.toggleMute(),
    ended: (result) => client()?.finish(result),
  };
}

function tellDevice(device: number, state: DeviceStateName): void {
  const kind = kindOf(device);
  const what = kind === "touch" ? "the touch screen" : kind === "pen" ? "the pen" : `gamepad ${device}`;
  if (state === "ready") log.info(`${what} is plugged into the host`);
  else if (state === "full") log.warn(`${what} is not used: the host has ${limits.pads} gamepads already`);
  else log.warn(`${what} is not used: the host can make no such device, as its log says`);
}

/** What the host sends is nothing for the decoders of this machine. */
function undecodable(number: number, { decoder }: ClientOptions): Result<void> {
  const name =
    Object.entries(codec)
      .find(([, value]) => value === number)?.[0]
      ?.toUpperCase() ?? `codec ${number}`;
  const by = decoder === "auto" ? "no decoder of this machine can" : `the decoder ${decoder} cannot`;
  return fail(
    "unavailable",
    `The host sends ${name}, which ${by} decode. Its owner can start it with --codec h264; patchbay doctor says ` +
      "what this machine lacks.",
  );
}

function failureOf(reason: EndReason, { address, port }: ClientOptions): Result<void> {
  const host = `${address}:${port}`;
  switch (reason) {
    case "no-answer":
      return fail("no-host", `${host} does not answer: is patchbay host running there, and UDP port ${port} open?`);
    case "silent":
      return fail("lost-peer", `${host} has been silent for ${limits.peerTimeoutUs / 1e6} s; it is gone or cut off.`);
    case "host-left":
      return fail("lost-peer", `${host} ended the session.`);
    case "overflowed":
      return fail("lost-peer", `${host} stopped acknowledging what is sent to it; the session was ended.`);
    case "pinned":
      return fail(
        "refused",
        `${host} has another key than the one known for it. If it was set up anew, connect once with its new pairing code; ` +
          "if not, someone else is answering.",
      );
    case "refused-version":
      return fail("protocol", `${host} speaks another version of the protocol; bring both to the same Patchbay.`);
    case "refused-full":
      return fail("refused", `${host} has its ${limits.peers} clients already; ask one to leave.`);
    case "refused-revoked":
      return fail(
        "refused",
        `${host} has revoked this device; its owner can approve it again (patchbay peers approve).`,
      );
    case "refused-busy":
      return fail("refused", `${host} has too many devices waiting for approval; try again later.`);
  }
}

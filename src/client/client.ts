/**
 * The client at work: socket, player and window input around the core. This shell does the I/O and decides nothing. The window
 * opens at once, so that a display that cannot be used is known before anybody is asked to approve this device.
 */
import { nativeCipher } from "../../ffi/aead.ts";
import { monotonicClock } from "../../ffi/clock.ts";
import type { Address, Player, PlayerEvent, UdpSocket } from "../../ffi/interfaces.ts";
import { openPlayer } from "../../ffi/player.ts";
import { openUdp } from "../../ffi/udp.ts";
import { limits } from "../base/limits.ts";
import { fail, ok, type Result } from "../base/result.ts";
import type { DeviceIdentity } from "../secure/identity.ts";
import type { Copy, WholeFrame } from "../wire/reassembly.ts";
import { ClientCore, type EndReason, type HostIdentity } from "./core.ts";
import { type HotkeyAction, Hotkeys } from "./hotkeys.ts";
import { ClientMeters } from "./meters.ts";

export interface ClientOptions {
  /** Literal address of the host. */
  readonly address: string;
  readonly port: number;
  /** The host's key when it is known already. */
  readonly expectedKey: Uint8Array | undefined;
  readonly output: string;
  readonly display: string;
  readonly decoder: string;
  readonly title: string;
  readonly width: number;
  readonly height: number;
  readonly fullscreen: boolean;
  readonly sendInput: boolean;
  readonly relative: boolean;
  readonly readTimecode: boolean;
  readonly bitrateBps: number | undefined;
  readonly fps: number | undefined;
  readonly quality: number | undefined;
}

export interface ClientListener {
  connected(host: HostIdentity): void;
  admitted(permissions: number): void;
}

const tickMs = 10;

const copy: Copy = (to, toStart, from, fromStart, size) => {
  Buffer.prototype.copy.call(from, to, toStart, fromStart, fromStart + size);
};

export class Client {
  readonly meters = new ClientMeters();
  readonly core: ClientCore;
  /** Settles when the session is over: ok when a person closed the window, a Failure otherwise. */
  readonly ended: Promise<Result<void>>;

  readonly #options: ClientOptions;
  readonly #udp: UdpSocket;
  readonly #player: Player;
  readonly #remote: Address;
  readonly #end: (result: Result<void>) => void;
  readonly #ticking: ReturnType<typeof setInterval>;
  #playerStats: ReturnType<Player["stats"]> | undefined;
  readonly #hotkeys = new Hotkeys();
  #fullscreen: boolean;
  #pointerGrabbed = false;
  #paused = false;
  #closed = false;

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
    const player = openPlayer(playerSettings(options), () => {
      if (client) client.#onPlayer();
    });
    if (!player.ok) {
      udp.value.close();
      return player;
    }
    // Whoever wants a window must not be left without one and without a word.
    if (options.output === "auto" && player.value.describe().display === "headless") {
      player.value.close();
      udp.value.close();
      const what = options.display
        ? `Display ${options.display} cannot be used`
        : "There is no display to show pictures on";
      return fail("unavailable", `${what}; set DISPLAY or --display, or only decode with --output headless.`);
    }
    client = new Client(options, identity, listener, udp.value, player.value, remote.value);
    return ok(client);
  }

  private constructor(
    options: ClientOptions,
    identity: DeviceIdentity,
    listener: ClientListener,
    udp: UdpSocket,
    player: Player,
    remote: Address,
  ) {
    this.#options = options;
    this.#fullscreen = options.fullscreen;
    this.#udp = udp;
    this.#player = player;
    this.#remote = remote;
    const { promise, resolve } = Promise.withResolvers<Result<void>>();
    this.ended = promise;
    this.#end = resolve;
    const { bitrateBps, fps, quality, expectedKey } = options;
    const connectionId = crypto.getRandomValues(new Uint32Array(1))[0] as number;
    const settings = { identity, cipher: nativeCipher(), copy, expectedKey, connectionId, bitrateBps, fps, quality };
    this.core = new ClientCore(
      settings,
      {
        send: (packet, size) => void udp.send(remote, packet, size),
        frame: (frame, nowUs) => this.#frame(frame, nowUs),
        connected: (host) => listener.connected(host),
        admitted: (permissions) => {
          if (options.relative && this.core.mayInput && !this.#pointerGrabbed)
            this.#act("pointer", monotonicClock.nowUs());
          listener.admitted(permissions);
        },
        ended: (reason) => resolve(failureOf(reason, options)),
      },
      monotonicClock.nowUs(),
    );
    this.#ticking = setInterval(() => this.core.tick(monotonicClock.nowUs()), tickMs);
  }

  describe() {
    return this.#player.describe();
  }

  snapshot() {
    return this.#player.snapshot();
  }

  playerStats() {
    return this.#playerStats ?? this.#player.stats();
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
    return this.#player.push(frame.buffer, frame.size, frame.frameId, frame.keyframe, frame.captureUs);
  }

  #onPlayer(): void {
    this.#player.rearm();
    const nowUs = monotonicClock.nowUs();
    for (let event = this.#player.take(); event; event = this.#player.take()) this.#playerEvent(event, nowUs);
    this.core.input.flush(nowUs);
  }

  #playerEvent(event: PlayerEvent, nowUs: number): void {
    switch (event.kind) {
      case "shown":
        this.meters.shown(event, this.core.link?.clock.offsetUs);
        return;
      case "skipped":
        this.meters.skipped++;
        return;
      case "decode-error":
        this.core.frames.broken(nowUs);
        return;
      case "input":
        this.#input(event, nowUs);
        return;
      case "focus-lost":
        this.#hotkeys.forget();
        this.core.releaseKeys(nowUs);
        return;
      case "closed":
        this.#end(ok(undefined));
        return;
      case "lost":
        this.#end(fail("unavailable", "The window is gone: the display was closed."));
        return;
      case "resized":
        return;
    }
  }

  #input({ type, code, value }: PlayerEvent, nowUs: number): void {
    const meaning = this.#hotkeys.take(type, code, value);
    if (meaning === "pass") {
      if (this.#options.sendInput) this.core.input.add(type, code, value, nowUs);
    } else if (meaning !== "swallow") {
      this.core.releaseKeys(nowUs);
      this.#act(meaning, nowUs);
    }
  }

  #act(action: HotkeyAction, nowUs: number): void {
    switch (action) {
      case "leave":
        this.#end(ok(undefined));
        return;
      case "fullscreen":
        this.#fullscreen = !this.#fullscreen;
        this.#player.setFullscreen(this.#fullscreen);
        return;
      case "pause":
        this.#paused = !this.#paused;
        this.core.setPaused(this.#paused, nowUs);
        return;
      case "pointer":
        this.#pointerGrabbed = !this.#pointerGrabbed;
        this.#player.setPointerGrab(this.#pointerGrabbed);
        return;
    }
  }

  /** Lets go of all keys, says goodbye, closes the window. Idempotent. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    clearInterval(this.#ticking);
    const nowUs = monotonicClock.nowUs();
    this.core.releaseKeys(nowUs);
    this.core.close(nowUs);
    this.#playerStats = this.#player.stats();
    this.#player.close();
    this.#udp.close();
    this.#end(ok(undefined));
  }
}

function playerSettings(options: ClientOptions) {
  const { output, display, decoder, title, width, height, fullscreen, readTimecode } = options;
  return { display: output, target: display, decoder, title, width, height, fullscreen, readTimecode };
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

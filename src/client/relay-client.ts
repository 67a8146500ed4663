/**
 * A client of a relay's channel at work: WebSocket, player and window input around channel.ts. This shell does the I/O and decides
 * nothing. A lost relay is tried again for ever; one that refuses from the start ends the client with the relay's own words.
 */
import { monotonicClock } from "../../ffi/clock.ts";
import { createLog } from "../base/log.ts";
import { fail, ok, type Result } from "../base/result.ts";
import { toMillis } from "../base/units.ts";
import { type Credential, ReturningWebSocket } from "../net/websocket.ts";
import { EvdevToDs, type SendInput } from "../wire/ds-evdev.ts";
import { PadsToDs } from "../wire/ds-gamepad.ts";
import { ChannelReceiver } from "./channel.ts";
import { noMicrophone } from "./microphone.ts";
import type { Sounding, Transfer } from "./report.ts";
import { PlayerRoom } from "./room.ts";
import { type SoundOptions, SoundOutput } from "./sound.ts";
import { PlayerWindow, type WindowOptions } from "./window.ts";

const log = createLog("client");

export interface RelayClientOptions extends WindowOptions {
  /** `ws://HOST:PORT` or `wss://HOST:PORT`. */
  readonly origin: string;
  readonly channel: string;
  readonly credentials: readonly Credential[];
  readonly sound: SoundOptions;
}

/** How often the source is asked for the time. */
const askMs = 1000;
const tickMs = 100;

/** Answers that trying again does not change. */
const finalStatus = new Set([400, 401, 403, 404, 421]);

export class RelayClient {
  /** Settles when the person is done, the window is gone, or the relay refuses from the start. */
  readonly ended: Promise<Result<void>>;
  readonly #end: (result: Result<void>) => void;
  readonly #options: RelayClientOptions;
  readonly #window: PlayerWindow;
  readonly #sound: SoundOutput;
  readonly #receiver: ChannelReceiver;
  readonly #input: EvdevToDs;
  readonly #pads: PadsToDs;
  readonly #startedUs = monotonicClock.nowUs();
  readonly room: PlayerRoom;
  #socket: ReturningWebSocket | undefined;
  #roomSocket: ReturningWebSocket | undefined;
  readonly #asking: ReturnType<typeof setInterval>;
  readonly #ticking: ReturnType<typeof setInterval>;
  #sequence = 0;
  #frameId = 0;
  #wasOpen = false;
  #complaint = "";
  #closed = false;

  static open(options: RelayClientOptions): Result<RelayClient> {
    let client: RelayClient | undefined;
    const window = PlayerWindow.open(options, {
      offsetUs: () => client?.room.offsetUs,
      broken: () => client?.broken(),
      input: (type, code, value) => client?.input.add(type, code, value),
      flushInput: () => client?.input.flush(),
      releaseKeys: () => client?.releaseAll(),
      devices: {
        // The other side makes a pad when it is first used.
        plug: () => undefined,
        unplug: (device) => client?.pads.unplug(device),
        add: (device, type, code, value) => client?.pads.add(device, type, code, value),
      },
      setPaused: (paused) => client?.setPaused(paused),
      pictureDueUs: (captureUs) => client?.sound.pictureDueUs(captureUs),
      shown: (ageUs, waitUs, inPlayerUs) => client?.sound.picture(ageUs, waitUs, inPlayerUs),
      toggleMute: () => client?.sound.toggleMute(),
      ended: (result) => client?.finish(result),
    });
    if (!window.ok) return window;
    const sound = SoundOutput.open(options.sound);
    if (!sound.ok) {
      window.value.close();
      return sound;
    }
    client = new RelayClient(options, window.value, sound.value);
    return ok(client);
  }

  private constructor(options: RelayClientOptions, window: PlayerWindow, sound: SoundOutput) {
    this.#options = options;
    this.#window = window;
    this.#sound = sound;
    const { promise, resolve } = Promise.withResolvers<Result<void>>();
    this.ended = promise;
    this.#end = resolve;
    this.#receiver = new ChannelReceiver({
      picture: ({ data, keyframe, captureUs }) => {
        const nowUs = monotonicClock.nowUs();
        this.meters.arrived({ captureUs, firstUs: nowUs, size: data.length }, this.room.offsetUs, nowUs);
        this.#frameId = (this.#frameId + 1) >>> 0;
        return window.push(data, data.length, this.#frameId, keyframe, captureUs);
      },
      sound: (data, captureUs) => sound.push(data, data.length, captureUs),
      unplayable: (format) => this.#end(this.#unplayable(format)),
      streamEnd: () => log.info("the source ended its stream; waiting for it to return"),
    });
    const send: SendInput = (build) => {
      const ms = Math.round((monotonicClock.nowUs() - this.#startedUs) / 1000);
      this.#socket?.send(build(this.#sequence++ & 0xffff, ms));
    };
    this.#input = new EvdevToDs(send);
    this.#pads = new PadsToDs(send);
    this.room = new PlayerRoom((text) => void this.#roomSocket?.send(text));
    this.#asking = setInterval(() => this.#ask(), askMs);
    this.#ticking = setInterval(() => sound.tick(this.room.offsetUs, monotonicClock.nowUs()), tickMs);
    this.#connect();
  }

  get input(): EvdevToDs {
    return this.#input;
  }

  get pads(): PadsToDs {
    return this.#pads;
  }

  releaseAll(): void {
    this.#input.releaseAll();
    this.#pads.releaseAll();
  }

  get meters() {
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

  get sound(): SoundOutput {
    return this.#sound;
  }

  sounding(): Sounding {
    return { sound: this.#sound.report(false), microphone: noMicrophone };
  }

  transfer(): Transfer {
    const drops = this.#receiver.drops.toJSON();
    const { offsetUs = null, roundTripUs } = this.room;
    const rttMs = roundTripUs === undefined ? null : toMillis(roundTripUs);
    return { frames: this.#receiver.stats, lossPercent: 0, rttMs, clockOffsetUs: offsetUs, drops };
  }

  #connect(): void {
    const { origin, channel, credentials } = this.#options;
    const url = `${origin}/stream/${channel}`;
    this.#socket = new ReturningWebSocket(
      { url: () => url, credentials },
      {
        open: () => {
          this.#wasOpen = true;
          this.#complaint = "";
          log.info(`watching ${url}`);
          this.#window.inputAllowed(monotonicClock.nowUs());
        },
        lost: (code) => {
          this.#receiver.broken();
          log.warn(`${url} is lost (code ${code}); trying again`);
        },
        failed: ({ status, message }) => this.#failed(url, status, message),
        binary: (bytes) => this.#receiver.receive(bytes),
      },
    );
    // The picture comes without it too, so its troubles are not worth a word.
    this.#roomSocket = new ReturningWebSocket(
      { url: () => `${origin}/signal/${channel}`, credentials },
      {
        open: () => this.#ask(),
        lost: () => this.room.forget(),
        failed: ({ message }) => log.debug(`no signalling at ${origin}: ${message}`),
        text: (text) => this.room.receive(text, monotonicClock.nowUs()),
      },
    );
  }

  #ask(): void {
    const nowUs = monotonicClock.nowUs();
    this.room.askClock(nowUs);
    if (this.#receiver.isStuck) this.room.askKeyframe(nowUs);
  }

  #failed(url: string, status: number | undefined, message: string): void {
    if (!this.#wasOpen && status !== undefined && finalStatus.has(status)) {
      this.#end(fail("refused", `${url} cannot be watched: ${message}`));
      return;
    }
    // The same again and again is said once.
    if (message !== this.#complaint) log.warn(`${url} cannot be watched now, trying on: ${message}`);
    this.#complaint = message;
  }

  #unplayable(format: string): Result<void> {
    const { origin, channel } = this.#options;
    const page = `${origin.replace(/^ws/, "http")}/player/${channel}`;
    return fail(
      "unavailable",
      `"${channel}" carries ${format}, and only H.264 plays in this window; open ${page} in a browser.`,
    );
  }

  broken(): void {
    this.#receiver.broken();
    this.room.askKeyframe(monotonicClock.nowUs());
  }

  #disconnect(): void {
    this.#socket?.close();
    this.#roomSocket?.close();
    this.#socket = undefined;
    this.#roomSocket = undefined;
  }

  /** Nothing is received while paused; going on begins with the whole picture that the relay keeps. */
  setPaused(paused: boolean): void {
    this.#disconnect();
    this.#receiver.broken();
    if (!paused) this.#connect();
  }

  finish(result: Result<void>): void {
    this.#end(result);
  }

  /** Lets go of all keys, leaves, closes the window. Idempotent. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    clearInterval(this.#asking);
    clearInterval(this.#ticking);
    this.releaseAll();
    this.#disconnect();
    this.#sound.close();
    this.#window.close();
    this.#end(ok(undefined));
  }
}

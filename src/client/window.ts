/**
 * The player as both kinds of client use it, whatever brings the pictures: its window's events, the client's own keys, and what is
 * measured. It opens no connection and decides nothing about one.
 */
import { monotonicClock } from "../../ffi/clock.ts";
import type { Player, PlayerEvent, VideoCodec } from "../../ffi/interfaces.ts";
import { openPlayer } from "../../ffi/player.ts";
import { createLog } from "../base/log.ts";
import { fail, ok, type Result } from "../base/result.ts";
import type { Copy } from "../wire/reassembly.ts";
import { HeldPictures } from "./held-pictures.ts";
import { type HotkeyAction, Hotkeys } from "./hotkeys.ts";
import { ClientMeters } from "./meters.ts";

const log = createLog("client");

export interface WindowOptions {
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
  /** Pictures wait until their sound can be heard. */
  readonly lipSync: boolean;
}

/** What comes from gamepads and touch screens, and what goes back to them. */
export interface WindowDevices {
  plug(device: number, name: string, rumbles: boolean, nowUs: number): void;
  unplug(device: number, nowUs: number): void;
  /** Linux type, code and value; type 0 ends a group. */
  add(device: number, type: number, code: number, value: number, nowUs: number): void;
}

export interface WindowEvents {
  /** Undefined where the other side takes none. */
  readonly devices?: WindowDevices | undefined;
  /** Added to our time gives the source's; undefined when it is not known. */
  offsetUs(): number | undefined;
  /** The decoder cannot go on without a keyframe. */
  broken(nowUs: number): void;
  /** Linux type, code and value, without the client's own keys. */
  input(type: number, code: number, value: number, nowUs: number): void;
  /** All of this wake-up's input has been handed over. */
  flushInput(nowUs: number): void;
  releaseKeys(nowUs: number): void;
  setPaused(paused: boolean, nowUs: number): void;
  /** When a picture captured then should go to the player to be shown with its sound; undefined while none plays. */
  pictureDueUs(captureUs: number): number | undefined;
  /** A picture was shown `ageUs` after its capture; `waitUs` of that it waited for its sound, and `inPlayerUs` it was in the player. */
  shown(ageUs: number, waitUs: number, inPlayerUs: number): void;
  toggleMute(): void;
  /** The person is done, or the window is gone. */
  ended(result: Result<void>): void;
}

export const copyBytes: Copy = (to, toStart, from, fromStart, size) => {
  Buffer.prototype.copy.call(from, to, toStart, fromStart, fromStart + size);
};

export class PlayerWindow {
  readonly meters = new ClientMeters();
  readonly #options: WindowOptions;
  readonly #events: WindowEvents;
  readonly #player: Player;
  readonly #hotkeys = new Hotkeys();
  readonly #held: HeldPictures | undefined;
  #releasing: ReturnType<typeof setTimeout> | undefined;
  #stats: ReturnType<Player["stats"]> | undefined;
  #fullscreen: boolean;
  #pointerGrabbed = false;
  #paused = false;

  static open(options: WindowOptions, events: WindowEvents): Result<PlayerWindow> {
    let window: PlayerWindow | undefined;
    const player = openPlayer(playerSettings(options, events), () => {
      if (window) window.#onPlayer();
    });
    if (!player.ok) return player;
    // Whoever wants a window must not be left without one and without a word.
    if (options.output === "auto" && player.value.describe().display === "headless") {
      player.value.close();
      const what = options.display
        ? `Display ${options.display} cannot be used`
        : "There is no display to show pictures on";
      return fail("unavailable", `${what}; set DISPLAY or --display, or only decode with --output headless.`);
    }
    window = new PlayerWindow(options, events, player.value);
    return ok(window);
  }

  private constructor(options: WindowOptions, events: WindowEvents, player: Player) {
    this.#options = options;
    this.#events = events;
    this.#player = player;
    this.#fullscreen = options.fullscreen;
    if (!options.lipSync) return;
    this.#held = new HeldPictures(copyBytes, {
      dueUs: (captureUs) => events.pictureDueUs(captureUs),
      deliver: (data, size, frameId, keyframe, captureUs, coded) =>
        player.push(data, size, frameId, keyframe, captureUs, coded),
      broken: (nowUs) => events.broken(nowUs),
      waited: (us) => this.meters.waited(us),
    });
    this.meters.heldPictures = this.#held.stats;
  }

  describe() {
    return this.#player.describe();
  }

  snapshot() {
    return this.#player.snapshot();
  }

  stats() {
    return this.#stats ?? this.#player.stats();
  }

  /** Copies the access unit. False when there is no room: go on with a keyframe. */
  push(
    data: Uint8Array,
    size: number,
    frameId: number,
    keyframe: boolean,
    captureUs: number,
    coded: VideoCodec = "h264",
  ): boolean {
    if (!this.#held) return this.#player.push(data, size, frameId, keyframe, captureUs, coded);
    const taken = this.#held.push(data, size, frameId, keyframe, captureUs, coded, monotonicClock.nowUs());
    if (!this.#releasing) this.#release();
    return taken;
  }

  /** Hands over the pictures that waited long enough, and comes back for the next. */
  readonly #release = (): void => {
    const waitUs = this.#held?.release(monotonicClock.nowUs());
    this.#releasing =
      waitUs === undefined ? undefined : setTimeout(this.#release, Math.max(1, Math.round(waitUs / 1000)));
  };

  /** Input is wanted from now on: takes hold of the pointer when that was asked for. */
  inputAllowed(nowUs: number): void {
    if (this.#options.relative && !this.#pointerGrabbed) this.#act("pointer", nowUs);
  }

  #onPlayer(): void {
    this.#player.rearm();
    const nowUs = monotonicClock.nowUs();
    for (let event = this.#player.take(); event; event = this.#player.take()) this.#event(event, nowUs);
    this.#events.flushInput(nowUs);
  }

  #event(event: PlayerEvent, nowUs: number): void {
    switch (event.kind) {
      case "shown":
        this.#shown(event);
        return;
      case "skipped":
        this.meters.skipped++;
        return;
      case "decode-error":
        this.#events.broken(nowUs);
        return;
      case "input":
        if (event.device === 0) this.#input(event, nowUs);
        else this.#events.devices?.add(event.device, event.type, event.code, event.value, nowUs);
        return;
      case "plugged":
        this.#events.devices?.plug(
          event.device,
          this.#player.deviceName(event.device) || "touch screen",
          event.value === 1,
          nowUs,
        );
        return;
      case "unplugged":
        this.#events.devices?.unplug(event.device, nowUs);
        return;
      case "focus-lost":
        this.#hotkeys.forget();
        this.#events.releaseKeys(nowUs);
        return;
      case "decoder":
        log.warn(`decoder ${this.#player.describe().failure}; going on with ${this.#player.describe().decoder}`);
        return;
      case "no-decoder":
        this.#events.ended(fail("unavailable", `No decoder can go on: ${this.#player.describe().failure}.`));
        return;
      case "closed":
        this.#events.ended(ok(undefined));
        return;
      case "lost":
        this.#events.ended(fail("unavailable", "The window is gone: the display was closed."));
        return;
      case "resized":
        return;
    }
  }

  #shown(event: PlayerEvent): void {
    const offsetUs = this.#events.offsetUs();
    this.meters.shown(event, offsetUs);
    if (offsetUs === undefined) return;
    const waitUs = this.#held?.waitOf(event.frameId) ?? 0;
    this.#events.shown(event.shownUs + offsetUs - event.captureUs, waitUs, event.shownUs - event.pushedUs);
  }

  #input({ type, code, value }: PlayerEvent, nowUs: number): void {
    const meaning = this.#hotkeys.take(type, code, value);
    if (meaning === "pass") {
      if (this.#options.sendInput) this.#events.input(type, code, value, nowUs);
    } else if (meaning !== "swallow") {
      this.#events.releaseKeys(nowUs);
      this.#act(meaning, nowUs);
    }
  }

  #act(action: HotkeyAction, nowUs: number): void {
    switch (action) {
      case "leave":
        this.#events.ended(ok(undefined));
        return;
      case "fullscreen":
        this.#fullscreen = !this.#fullscreen;
        this.#player.setFullscreen(this.#fullscreen);
        return;
      case "pause":
        this.#paused = !this.#paused;
        this.#events.setPaused(this.#paused, nowUs);
        return;
      case "mute":
        this.#events.toggleMute();
        return;
      case "pointer":
        this.#pointerGrabbed = !this.#pointerGrabbed;
        this.#player.setPointerGrab(this.#pointerGrabbed);
        return;
    }
  }

  /** Strengths of 0 to 65535, for so long at most. */
  rumble(device: number, strong: number, weak: number, durationMs: number): void {
    this.#player.rumble(device, strong, weak, durationMs);
  }

  /** The other side takes fingers as fingers. */
  setTouch(on: boolean): void {
    this.#player.setTouch(on);
  }

  /** The statistics stay readable. */
  close(): void {
    clearTimeout(this.#releasing);
    this.#stats ??= this.#player.stats();
    this.#player.close();
  }
}

function playerSettings(options: WindowOptions, events: WindowEvents) {
  const devices = options.sendInput && events.devices !== undefined;
  const { output, display, decoder, title, width, height, fullscreen, readTimecode } = options;
  return { display: output, target: display, decoder, title, width, height, fullscreen, readTimecode, devices };
}

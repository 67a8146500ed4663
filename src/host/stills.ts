/**
 * The host's picture as stills, for browsers that cannot decode video (as on pages without TLS): decodes its own stream without a
 * window and packs what changed, a few times a second, as JPEG. It works only between start and stop, and takes no input.
 */
import { monotonicClock } from "../../ffi/clock.ts";
import type { Picture, Player } from "../../ffi/interfaces.ts";
import { openPlayer } from "../../ffi/player.ts";
import { createLog } from "../base/log.ts";
import type { Subscription } from "../hub/stream.ts";
import { buildCompressedPixels } from "../wire/ds.ts";
import { codec, codecShift } from "../wire/root.ts";
import type { ChannelHost, ChannelPipe } from "./channel.ts";
import type { OutgoingFrame } from "./viewer.ts";

const log = createLog("stills");

/** Time from still to still, at least. */
const intervalMs = 150;
const quality = 75;

export class HostStills {
  readonly #host: ChannelHost;
  readonly #pipe: ChannelPipe;
  #player: Player | undefined;
  #subscription: Subscription<OutgoingFrame> | undefined;
  #timer: ReturnType<typeof setInterval> | undefined;
  #shown = 0;
  #isPacking = false;
  #sequence = 0;

  constructor(host: ChannelHost, pipe: ChannelPipe) {
    this.#host = host;
    this.#pipe = pipe;
  }

  /** Idempotent. */
  start(): void {
    if (this.#player) return;
    const settings = { display: "headless", target: "", decoder: "auto", title: "", width: 0, height: 0 };
    const opened = openPlayer({ ...settings, fullscreen: false, readTimecode: false }, () => this.#drain());
    if (!opened.ok) {
      log.warn(`there are no stills: ${opened.message}`);
      return;
    }
    const player = opened.value;
    this.#player = player;
    this.#subscription = this.#host.attach({
      deliver: (frame) => {
        const coded = frame.chunkFlags >>> codecShift === codec.hevc ? "hevc" : "h264";
        const { size, frameId, keyframe, captureUs } = frame;
        return player.push(this.#host.bytesOf(frame), size, frameId, keyframe, captureUs, coded);
      },
    });
    this.#timer = setInterval(() => void this.#pack(), intervalMs);
  }

  /** What the player tells is not needed, but must be taken. */
  #drain(): void {
    const player = this.#player;
    if (!player) return;
    player.rearm();
    let event = player.take();
    for (; event; event = player.take())
      if (event.kind === "shown") this.#shown++;
      else if (event.kind === "decode-error") this.#host.requestKeyframe();
  }

  async #pack(): Promise<void> {
    if (this.#shown === 0 || this.#isPacking) return;
    const picture = this.#player?.snapshot();
    if (!picture) return;
    this.#isPacking = true;
    this.#shown = 0;
    const timestampMs = Math.floor(monotonicClock.nowUs() / 1000) >>> 0;
    try {
      const data = await encodeJpeg(picture);
      const { width, height } = picture;
      if (this.#player)
        this.#pipe.send(
          buildCompressedPixels(this.#sequence++ & 0xffff, timestampMs, width, height, "jpeg", data, true),
        );
    } catch (cause) {
      log.warn(`a still is left out: ${cause instanceof Error ? cause.message : String(cause)}`);
    }
    this.#isPacking = false;
  }

  /** Idempotent. */
  stop(): void {
    clearInterval(this.#timer);
    if (this.#subscription) this.#host.detach(this.#subscription);
    this.#subscription = undefined;
    this.#player?.close();
    this.#player = undefined;
    this.#shown = 0;
  }
}

/** The library is loaded when the first still is packed: it takes time and memory. */
async function encodeJpeg({ width, height, pixels }: Picture): Promise<Uint8Array> {
  const { default: sharp } = await import("sharp");
  const rgb = new Uint8Array(width * height * 3);
  for (let from = 0, to = 0; to < rgb.length; from += 4, to += 3) {
    rgb[to] = pixels[from + 2] as number;
    rgb[to + 1] = pixels[from + 1] as number;
    rgb[to + 2] = pixels[from] as number;
  }
  return sharp(rgb, { raw: { width, height, channels: 3 } })
    .jpeg({ quality })
    .toBuffer();
}

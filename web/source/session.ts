/**
 * One run of publishing, from Start to Stop: takes pictures from the chosen content at the chosen rate, encodes and sends them, and
 * beside them signals, shapes and sound. Holds back when the connection or an encoder does not keep up.
 */
import {
  buildApplication,
  buildSignalDiff,
  buildSignalSync,
  buildStreamEnd,
  type InputMessage,
} from "../../src/wire/ds.ts";
import { diffSignals, type Json, type JsonObject, signalBytes } from "../../src/wire/merge.ts";
import type { Address } from "../lib/address.ts";
import { Meter } from "../lib/meters.ts";
import { SceneView, sceneOf } from "../lib/scene.ts";
import { type ShapeFrame, ShapePainter, writeShapes } from "../lib/shapes.ts";
import { Demo } from "./demo.ts";
import { DeltaEncoder, type Emit, type Encoder, type PictureMode, PixelEncoder, StillEncoder } from "./encoders.ts";
import { HybridSender } from "./hybrid.ts";
import { Media } from "./media.ts";
import { Publisher, type PublisherEvents } from "./publisher.ts";
import { openMicrophone, playSpring, SoundPacker, type SoundSource } from "./sound.ts";
import { Springs } from "./springs.ts";
import { VideoSender } from "./video.ts";

export interface Choice {
  readonly content: "demo" | "screen" | "camera" | "signal" | "neural";
  readonly mode: PictureMode;
  readonly width: number;
  readonly height: number;
  readonly fps: number;
  readonly bitrateBps: number;
  readonly sound: "none" | "spring" | "microphone";
  readonly codec: "opus" | "pcm";
  readonly takesOver: boolean;
}

const signalsPerSecond = 10;
/** A delta's receivers begin with a keyframe at most this old, and its cache stays small. */
const deltaKeyframeMs = 10_000;
const stillEveryMs = 500;

export class Session {
  readonly publisher: Publisher;
  readonly meters = { pictures: new Meter(), bytes: new Meter() };
  readonly #choice: Choice;
  readonly #canvas: HTMLCanvasElement;
  readonly #problem: (text: string) => void;
  readonly #demo = new Demo();
  readonly #springs = new Springs();
  readonly #view = new SceneView();
  #encoder: Encoder | undefined;
  #stills: StillEncoder | undefined;
  #stillMs = 0;
  #media: Media | undefined;
  #sound: { readonly source: SoundSource; readonly packer: SoundPacker } | undefined;
  #painter: ShapePainter | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #state: Json | undefined;
  #beginsAnew = true;
  #keyframeMs = 0;
  #nextMs = 0;
  #mediaMs = 0;
  #hasPicture = false;
  /** Times that the last picture is still to be sent, and when it was. */
  #owed = 0;
  #sentMs = 0;
  #isStopped = false;
  isPaused = false;

  private constructor(
    address: Address,
    choice: Choice,
    canvas: HTMLCanvasElement,
    events: Omit<PublisherEvents, "beginAnew">,
    problem: (text: string) => void,
  ) {
    this.#choice = choice;
    this.#canvas = canvas;
    this.#problem = problem;
    this.publisher = new Publisher(address, choice.takesOver, { ...events, beginAnew: () => this.beginAnew() });
  }

  /** A string is the sentence that says why it could not begin. `ended` comes when the content ends by itself. */
  static async start(
    address: Address,
    choice: Choice,
    canvas: HTMLCanvasElement,
    events: Omit<PublisherEvents, "beginAnew">,
    problem: (text: string) => void,
    ended: () => void,
  ): Promise<Session | string> {
    const isDrawn = choice.content === "signal" || choice.content === "neural";
    canvas.width = isDrawn ? 960 : choice.width;
    canvas.height = isDrawn ? 540 : choice.height;
    const session = new Session(address, choice, canvas, events, problem);
    try {
      const why = await session.#begin(ended);
      if (why === undefined) return session;
      session.stop();
      return why;
    } catch (cause) {
      session.stop();
      return `It could not begin: ${cause instanceof Error ? cause.message : String(cause)}.`;
    }
  }

  async #begin(ended: () => void): Promise<string | undefined> {
    const { content, fps, sound, codec } = this.#choice;
    if (content !== "signal" && content !== "neural") {
      const encoder = await this.#makeEncoder();
      if (typeof encoder === "string") return encoder;
      this.#encoder = encoder;
    }
    if (content === "screen" || content === "camera")
      this.#media = await Media.open(content, this.#canvas, fps, {
        isDue: () => this.#isDue(),
        drawn: () => this.#sendPicture(this.publisher.nowMs(), true),
        ended,
      });
    this.#tick();
    if (sound === "none") return undefined;
    const packer = new SoundPacker(codec, (ms, build) => this.#count(this.publisher.other(ms, build)));
    const now = () => this.publisher.nowMs();
    const source =
      sound === "spring"
        ? playSpring(packer, () => (this.isPaused ? 0 : this.#springs.speed), now)
        : await openMicrophone(packer, now);
    this.#sound = { source, packer };
    return undefined;
  }

  async #makeEncoder(): Promise<Encoder | string> {
    const { mode, width, height, fps, bitrateBps } = this.#choice;
    const emit: Emit = (ms, startsAnew, build) => {
      if (this.#isStopped) return;
      this.#count(this.publisher.picture(ms, startsAnew, build));
      this.meters.pictures.add(1, performance.now());
    };
    if (mode === "pixel" || mode === "packed") return new PixelEncoder(emit, mode === "packed");
    if (mode === "delta") return new DeltaEncoder(emit);
    if (mode === "webp" || mode === "jpeg" || mode === "png") return new StillEncoder(emit, mode);
    if (mode === "hybrid")
      return typeof VideoEncoder === "undefined"
        ? "Hybrid pictures need WebCodecs, which this page does not have here; delta works everywhere."
        : new HybridSender(width, height, fps, bitrateBps, emit);
    return VideoSender.create({ format: mode, width, height, fps, bitrateBps }, emit, this.#problem);
  }

  #count(bytes: number): void {
    this.meters.bytes.add(bytes, performance.now());
  }

  /** The next picture can be begun with, and the whole state is sent. */
  beginAnew(): void {
    this.#beginsAnew = true;
  }

  input(event: InputMessage): void {
    this.#demo.input(event);
    this.#springs.input(event);
  }

  /** The clock of contents that are drawn here, and of what is owed of the others. */
  #tick(): void {
    if (this.#isStopped) return;
    const { content, fps } = this.#choice;
    const now = performance.now();
    const periodMs = 1000 / (content === "signal" ? signalsPerSecond : fps);
    this.#nextMs = Math.max(now - periodMs, this.#nextMs) + periodMs;
    this.#timer = setTimeout(() => this.#tick(), Math.max(0, this.#nextMs - now));
    const ms = this.publisher.nowMs();
    if (!this.isPaused) this.#springs.advance(ms / 1000);
    if (content === "signal" || content === "neural") {
      const isSent = !this.isPaused || this.#beginsAnew;
      if (content === "signal") this.#signals(ms, isSent);
      else if (isSent) this.#sendShapes(ms);
      return;
    }
    if (content === "demo" && !this.isPaused) {
      this.#drawDemo(ms);
      this.#sendPicture(ms, true);
    } else if (this.#hasPicture) this.#sendAgain(ms, periodMs);
  }

  /** Of what stands still: what could not be sent, what makes it exact, and what players ask for. */
  #sendAgain(ms: number, periodMs: number): void {
    const isOwed = this.#owed > 0 && ms - this.#sentMs > 1.5 * periodMs;
    if (isOwed || this.#beginsAnew) this.#sendPicture(ms, false);
    else this.#sendStandIn(ms);
  }

  #drawDemo(ms: number): void {
    const context = this.#canvas.getContext("2d", { alpha: false, willReadFrequently: true });
    if (context) this.#demo.draw(context, ms / 1000);
  }

  /** Whether a picture of a screen or camera is to be drawn; cameras have rates of their own, a quarter of a period early is in time. */
  #isDue(): boolean {
    const now = performance.now();
    const periodMs = 1000 / this.#choice.fps;
    if (this.isPaused || this.#isStopped || now < this.#mediaMs - periodMs / 4) return false;
    this.#mediaMs = Math.max(now, this.#mediaMs + periodMs);
    return true;
  }

  #sendPicture(ms: number, isFresh: boolean): void {
    const encoder = this.#encoder;
    if (!encoder) return;
    this.#hasPicture = true;
    this.#sendStandIn(ms);
    if (isFresh) this.#owed = Math.max(1, encoder.settleFrames);
    if (encoder.isBusy) {
      this.publisher.skipped++;
      return;
    }
    if (!this.publisher.hasRoom()) return;
    this.#owed = isFresh ? encoder.settleFrames : Math.max(0, this.#owed - 1);
    this.#sentMs = ms;
    const isKeyframe = this.#beginsAnew || (this.#choice.mode === "delta" && ms - this.#keyframeMs > deltaKeyframeMs);
    if (isKeyframe) this.#keyframeMs = ms;
    this.#beginsAnew = false;
    encoder.encode(this.#canvas, ms, isKeyframe);
  }

  /** For players that cannot decode, on a channel of their own. */
  #sendStandIn(ms: number): void {
    if (!this.publisher.wantsStills || ms - this.#stillMs < stillEveryMs || this.#stills?.isBusy) return;
    this.#stillMs = ms;
    const { width, height } = this.#canvas;
    this.#stills ??= new StillEncoder((_, startsAnew, build) => {
      if (startsAnew) this.publisher.still(build);
    }, "jpeg");
    if (width > 0 && height > 0) this.#stills.encode(this.#canvas, ms);
  }

  #signals(ms: number, isSent: boolean): void {
    const state = this.#springs.state();
    if (isSent) this.#sendSignals(ms, state);
    // Drawn while it stands still too: what is shown glides to its place, as at the players.
    const context = this.#canvas.getContext("2d");
    const scene = sceneOf(state);
    if (context && scene) this.#view.draw(context, scene, performance.now());
  }

  #sendSignals(ms: number, state: JsonObject): void {
    const patch = this.#state === undefined || this.#beginsAnew ? undefined : diffSignals(this.#state, state);
    this.#beginsAnew = false;
    this.#state = state;
    const json = signalBytes(patch ?? state);
    this.#count(
      this.publisher.other(ms, (sequence, at) =>
        patch === undefined ? buildSignalSync(sequence, at, json) : buildSignalDiff(sequence, at, json),
      ),
    );
    this.meters.pictures.add(1, performance.now());
  }

  #sendShapes(ms: number): void {
    this.#beginsAnew = false;
    const frame = demoShapes(ms / 1000);
    this.#count(
      this.publisher.picture(ms, true, (sequence, at) =>
        buildApplication("neuralFrame", sequence, at, writeShapes(frame), true),
      ),
    );
    this.meters.pictures.add(1, performance.now());
    this.#painter ??= new ShapePainter(this.#canvas.width, this.#canvas.height);
    this.#painter.paint(frame);
    this.#canvas.getContext("2d")?.drawImage(this.#painter.canvas, 0, 0);
  }

  stop(): void {
    if (this.#isStopped) return;
    this.publisher.other(this.publisher.nowMs(), buildStreamEnd);
    this.#isStopped = true;
    clearTimeout(this.#timer);
    this.#media?.stop();
    this.#sound?.source.stop();
    this.#sound?.packer.close();
    this.#encoder?.close();
    this.publisher.close();
  }
}

function demoShapes(seconds: number): ShapeFrame {
  const shapes = Array.from({ length: 7 }, (_, i) => ({
    x: 1.1 * Math.sin(seconds * (0.3 + 0.07 * i) + i * 1.7),
    y: 0.6 * Math.sin(seconds * (0.41 + 0.05 * i) + i * 2.3),
    radius: 0.16 + 0.06 * Math.sin(seconds * 0.9 + i),
    hue: (0.38 + i * 0.09) % 1,
    box: 0.5 + 0.5 * Math.sin(seconds * 0.5 + i),
  }));
  return { seconds, softness: 0.22, shapes };
}

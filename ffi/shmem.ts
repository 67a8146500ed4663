/**
 * Frame buffers in shared memory for TypeScript (c/shmem): one writer, many readers. Names belong to this user
 * (`/dev/shm/pb_{uid}_{name}`, mode 0600). Copying, proof and sleeping are native; this file marshals. Reading and
 * writing allocate nothing a frame. Layout: itk section 2.1.
 */
import { toArrayBuffer } from "bun:ffi";
import { fail, ok, type Result } from "../src/base/result.ts";
import { enums, type structs } from "./abi.ts";
import { layoutOf } from "./abi-layout.ts";
import { cString, native, type Pointer, textOf, type Wake, wakeCallback } from "./library.ts";

type Library = ReturnType<typeof native>;

const about = layoutOf("pb_frames_about");
const info = layoutOf("pb_frame_info");
const infoAt = info.offsets as Record<keyof typeof structs.pb_frame_info, number>;
const answers = enums.frames_answer;

/**
 * What a read came to.
 * - `new`: a picture that this reader had not read before; `state` describes it.
 * - `same`: still the picture that was read last. `none`: nothing was published yet.
 * - `busy`: a writer faster than this reader got in its way as often as was tried; try again.
 * - `torn`: only of readInPlace: the writer came round during the callback, so what it saw may be of two pictures.
 * - `gone`: no picture comes any more, the writer ended or died. `closed`: this reader was closed.
 * - `broken`: the memory holds what no writer writes.
 */
export type FrameStatus = "new" | "same" | "none" | "busy" | "torn" | "gone" | "timeout" | "broken" | "closed";

const statuses: readonly FrameStatus[] = ["new", "none", "same", "busy", "gone", "timeout", "broken", "busy"];

/** Attempts of a read that names no number. */
const usualTries = 100;
const noPointer = null;

/** What is said of the newest picture that was read; the same object for the whole life of a reader. */
export class FrameState {
  readonly #view: DataView;
  constructor(view: DataView) {
    this.#view = view;
  }
  /** Number of the picture, counting up by 1 with each that is published. Wraps at 2^31. */
  get sequence(): number {
    return this.#view.getUint32(infoAt.seq, true) >>> 1;
  }
  /** Presentation time in milliseconds. Whole up to 2^53. */
  get ptsMs(): number {
    return Number(this.#view.getBigUint64(infoAt.pts_ms, true));
  }
  /** contentHash() of what is shown. */
  get contentHash(): bigint {
    return this.#view.getBigUint64(infoAt.content_hash, true);
  }
  /** Milliseconds; 0 unknown or live. */
  get durationMs(): number {
    return Number(this.#view.getBigUint64(infoAt.duration_ms, true));
  }
  get isPlaying(): boolean {
    return this.#view.getUint32(infoAt.is_playing, true) !== 0;
  }
}

/** Counts of one end, from its opening. */
export interface FrameCounts {
  /** Pictures published by this writer. */
  written: number;
  /** Pictures that this reader got whole. */
  read: number;
  /** Pictures published between two that this reader got. */
  skipped: number;
  /** Reads in place during which the writer came round. */
  torn: number;
  /** Copies that were thrown away and made again, because the writer came round meanwhile. */
  overtaken: number;
  /** Reads that gave up. */
  busy: number;
}

/** One end of a frame buffer: three RGBA pictures, rows tightly packed from the top, 4 bytes a pixel. */
export class FrameBuffer {
  readonly name: string;
  /** Pixels, 1 to 8192. */
  readonly width: number;
  readonly height: number;
  /** width * height * 4. */
  readonly frameBytes: number;
  readonly state: FrameState;
  readonly counts: FrameCounts = { written: 0, read: 0, skipped: 0, torn: 0, overtaken: 0, busy: 0 };

  readonly #lib: Library = native();
  readonly #info = new Uint8Array(info.size);
  readonly #infoView = new DataView(this.#info.buffer);
  readonly #about = new DataView(new ArrayBuffer(about.size));
  readonly #isWriter: boolean;
  readonly #memory: ArrayBuffer;
  readonly #pictures: readonly Uint8Array[];
  #handle: Pointer | null;
  #lastSeq = 0;
  #filling = false;
  #wake: Wake | undefined;
  #waiting: PromiseWithResolvers<FrameStatus> | undefined;
  #keepAlive: ReturnType<typeof setInterval> | undefined;

  private constructor(handle: Pointer, name: string, isWriter: boolean) {
    this.#handle = handle;
    this.#isWriter = isWriter;
    this.name = name;
    this.state = new FrameState(this.#infoView);
    this.#lib.pb_frames_about(handle, new Uint8Array(this.#about.buffer));
    this.width = this.#about.getUint32(about.offsets.width as number, true);
    this.height = this.#about.getUint32(about.offsets.height as number, true);
    this.frameBytes = this.width * this.height * 4;
    const address = Number(this.#about.getBigUint64(about.offsets.pixels as number, true));
    this.#memory = toArrayBuffer(address as Pointer, 0, 3 * this.frameBytes);
    this.#pictures = [0, 1, 2].map((k) => new Uint8Array(this.#memory, k * this.frameBytes, this.frameBytes));
  }

  static #make(name: string, width: number, height: number, isWriter: boolean): Result<FrameBuffer> {
    if (name.includes("\0")) return fail("usage", "a name of shared memory has no NUL");
    const error = new Uint8Array(512);
    const sides = [width, height].map((side) =>
      Number.isInteger(side) && side >= 0 && side <= 0xffff ? side : 0xffff,
    );
    const handle = native().pb_frames_new(cString(name), sides[0], sides[1], isWriter ? 1 : 0, error, error.length);
    return handle ? ok(new FrameBuffer(handle, name, isWriter)) : fail("unavailable", textOf(error));
  }

  /**
   * Becomes the only writer of `name`, 1 to 8192 pixels each way. Takes over what a writer that is gone left behind; fails
   * while another one lives. Names have 1 to 200 bytes, no slash, backslash or "..", no dot in front.
   */
  static create(name: string, width: number, height: number): Result<FrameBuffer> {
    return FrameBuffer.#make(name, width, height, true);
  }

  /** Becomes a reader. With `size`, fails when the pictures have another one. */
  static open(name: string, size?: { readonly width: number; readonly height: number }): Result<FrameBuffer> {
    return FrameBuffer.#make(name, size?.width ?? 0, size?.height ?? 0, false);
  }

  #open(): Pointer {
    if (this.#handle === null) throw new Error(`the frame buffer ${this.name} is closed`);
    return this.#handle;
  }

  #fits(picture: Uint8Array): void {
    if (picture.length !== this.frameBytes)
      throw new RangeError(`a picture here has ${this.frameBytes} bytes, not ${picture.length}`);
  }

  /** The process that may still publish: its id, 0 when it is gone, undefined when nobody knows. */
  writer(): number | undefined {
    this.#lib.pb_frames_about(this.#open(), new Uint8Array(this.#about.buffer));
    const field = (name: keyof typeof structs.pb_frames_about) =>
      this.#about.getUint32(about.offsets[name] as number, true);
    if (field("foreign")) return undefined;
    return field("has_writer") ? field("writer_process") : 0;
  }

  /** Copies and publishes a picture. False when another program writes into the same memory without asking. */
  writeFrame(rgba: Uint8Array, ptsMs: number, contentHash: bigint | number = 0, isPlaying = true): boolean {
    this.#fits(rgba);
    this.#mayWrite();
    if (this.#filling) throw new Error("endWrite() comes before writeFrame()");
    const playing = isPlaying ? 1 : 0;
    const status = this.#lib.pb_frames_put(this.#open(), rgba, rgba.length, ptsMs, contentHash, playing);
    if (status === answers.ok) this.counts.written++;
    return status === answers.ok;
  }

  /**
   * The picture to fill in place; publish it with endWrite(). It holds what was published three pictures ago. Do not keep it.
   * Undefined when another program writes into the same memory without asking.
   */
  beginWrite(): Uint8Array | undefined {
    this.#mayWrite();
    const slot: number = this.#lib.pb_frames_fill(this.#open());
    this.#filling = slot >= 0;
    return this.#pictures[slot];
  }

  /** Publishes what beginWrite() gave; without it there is nothing to publish, which throws. */
  endWrite(ptsMs: number, contentHash: bigint | number = 0, isPlaying = true): void {
    if (!this.#filling) throw new Error("beginWrite() comes before endWrite()");
    this.#filling = false;
    this.#lib.pb_frames_filled(this.#open(), ptsMs, contentHash, isPlaying ? 1 : 0);
    this.counts.written++;
  }

  /** Length of the content in milliseconds, told to readers at once; 0 unknown or live. */
  setDuration(durationMs: number): void {
    this.#mayWrite();
    this.#lib.pb_frames_duration(this.#open(), durationMs);
  }

  #mayWrite(): void {
    if (!this.#isWriter) throw new Error(`the frame buffer ${this.name} was opened for reading`);
  }

  #take(into: Uint8Array | null, tries: number): FrameStatus {
    const status: number = this.#lib.pb_frames_take(
      this.#open(),
      into,
      into?.length ?? 0,
      this.#lastSeq,
      Math.min(Math.max(1, Math.trunc(tries)), 1_000_000),
      this.#info,
    );
    const answer = statuses[status] ?? "broken";
    if (answer === "busy") this.counts.busy++;
    this.counts.overtaken += this.#infoView.getUint32(infoAt.overtaken, true);
    return answer;
  }

  /** Notes that the picture of `state` was read whole. */
  #got(): void {
    const seq = this.#infoView.getUint32(infoAt.seq, true);
    if (this.#lastSeq) this.counts.skipped += Math.max(0, (((seq - this.#lastSeq) >>> 0) >>> 1) - 1);
    this.#lastSeq = seq;
    this.counts.read++;
  }

  /** Copies the newest picture, whole, into `into` (frameBytes). Never waits longer than for `tries` attempts. */
  readFrame(into: Uint8Array, tries = usualTries): FrameStatus {
    this.#fits(into);
    const status = this.#take(into, tries);
    if (status === "new") this.#got();
    return status;
  }

  /**
   * Shows the newest picture where it lies, without copying. `look` must not keep the view nor write into it. The answer tells
   * afterwards whether the picture stayed whole (`new`) or the writer came round meanwhile (`torn`): throw away what you made.
   */
  readInPlace(look: (rgba: Uint8Array, state: FrameState) => void): FrameStatus {
    const status = this.#take(noPointer, usualTries);
    if (status !== "new") return status;
    const seq = this.#infoView.getUint32(infoAt.seq, true);
    if (seq === this.#lastSeq) return "same";
    look(this.#pictures[this.#infoView.getUint32(infoAt.index, true)] as Uint8Array, this.state);
    if (this.#handle === null) return "closed";
    if (!this.#lib.pb_frames_still_whole(this.#handle, seq)) {
      this.counts.torn++;
      return "torn";
    }
    this.#got();
    return "new";
  }

  /** What is said of the newest picture (in `state`), in one attempt. `new` also when it was read already. */
  tryRead(): FrameStatus {
    return this.#take(noPointer, 1);
  }

  /** The same in at most `tries` attempts. */
  readWithTimeout(tries: number): FrameStatus {
    return this.#take(noPointer, tries);
  }

  /**
   * Blocks this thread until there is a picture that was not read yet, and copies it. Ends with `gone` when the writer is gone
   * and with `timeout` after `timeoutMs`.
   */
  readBlocking(into: Uint8Array, timeoutMs = Number.POSITIVE_INFINITY): FrameStatus {
    this.#fits(into);
    const until = performance.now() + timeoutMs;
    for (;;) {
      const left = Math.min(Math.max(0, until - performance.now()), 1e9);
      const slept = statuses[this.#lib.pb_frames_sleep(this.#open(), this.#lastSeq, Math.round(left * 1000))];
      if (slept === "timeout" && left === 1e9) continue;
      if (slept !== "new") return slept ?? "broken";
      const status = this.readFrame(into);
      if (status !== "busy" && status !== "same") return status;
    }
  }

  /**
   * Settles with `new` when there is a picture that was not read yet, with `gone` when none comes any more and with `closed`.
   * A native thread sleeps meanwhile and nothing polls. Asked again while it is pending it is the same promise.
   */
  nextFrame(): Promise<FrameStatus> {
    const handle = this.#open();
    if (this.#waiting) return this.#waiting.promise;
    this.#waiting = Promise.withResolvers<FrameStatus>();
    this.#wake ??= wakeCallback(() => this.#woken());
    // The event loop does not know of the native thread; this keeps it from ending, and never fires.
    this.#keepAlive ??= setInterval(() => undefined, 2 ** 30);
    if (this.#lib.pb_frames_tell(handle, this.#lastSeq, this.#wake.ptr) !== 0) this.#settle("broken");
    else return this.#waiting.promise;
    return Promise.resolve("broken");
  }

  #woken(): void {
    if (this.#handle === null || !this.#waiting) return;
    const status = this.#take(noPointer, usualTries);
    if (status === "broken") this.#settle("broken");
    else if (status === "new" && this.#infoView.getUint32(infoAt.seq, true) !== this.#lastSeq) this.#settle("new");
    else if (status === "gone" || this.writer() === 0) this.#settle("gone");
    else this.#lib.pb_frames_tell(this.#handle, this.#lastSeq, this.#wake?.ptr);
  }

  #settle(status: FrameStatus): void {
    clearInterval(this.#keepAlive);
    this.#keepAlive = undefined;
    this.#waiting?.resolve(status);
    this.#waiting = undefined;
  }

  /** A writer tells its readers that no picture comes and takes the name away. Views that were given out become empty. */
  close(): void {
    if (this.#handle === null) return;
    const handle = this.#handle;
    this.#handle = null;
    // Detaches every view, so that one that was kept reads nothing instead of memory that is gone.
    this.#memory.transfer();
    this.#lib.pb_frames_free(handle);
    this.#settle("closed");
    this.#wake?.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

/** The painter of the DRM tests (drm_paint.c) as seen from TypeScript: told what to show, and what that looks like. */
import { readdirSync, readFileSync } from "node:fs";
import { inflateSync } from "node:zlib";
import { FrameBuffer } from "../../ffi/shmem.ts";
import { atEnd, eventually } from "../e2e/processes.ts";

/** "/dev/dri/cardN" of the driver, as the kernel names it. */
export function cardOf(driver: string): string {
  const found = readdirSync("/dev/dri").filter((name) => name.startsWith("card"));
  const card = found.find((name) => readFileSync(`/sys/class/drm/${name}/device/uevent`, "utf8").includes(driver));
  if (!card) throw new Error(`no card of ${driver} among ${found.join(", ")}`);
  return `/dev/dri/${card}`;
}

export class Painter {
  readonly #process: Bun.Subprocess<"pipe", "pipe", "inherit">;
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  #text = "";

  private constructor(card: string) {
    this.#process = Bun.spawn(["build/lab/drm_paint", card], { stdin: "pipe", stdout: "pipe", stderr: "inherit" });
    this.#reader = this.#process.stdout.getReader();
    atEnd(() => this.#process.kill("SIGKILL"));
  }

  /** Becomes master of the card, as a compositor does. */
  static async open(card: string): Promise<Painter> {
    const painter = new Painter(card);
    await painter.#answer("hello");
    return painter;
  }

  async #answer(line: string): Promise<string> {
    for (;;) {
      const end = this.#text.indexOf("\n");
      if (end >= 0) {
        const answer = this.#text.slice(0, end);
        this.#text = this.#text.slice(end + 1);
        if (!answer.startsWith("ok")) throw new Error(`painter: ${line}: ${answer}`);
        return answer;
      }
      const { value, done } = await this.#reader.read();
      if (done) throw new Error(`painter: ${line}: it ended`);
      this.#text += new TextDecoder().decode(value);
    }
  }

  /** Resolves when it is done; what the kernel refuses is thrown. The lines are those of drm_paint.c. */
  tell(line: string): Promise<string> {
    this.#process.stdin.write(`${line}\n`);
    this.#process.stdin.flush();
    return this.#answer(line);
  }

  async close(): Promise<void> {
    this.#process.stdin.end();
    await this.#process.exited;
  }
}

/** What remains of 8 bits in a format of the kernel. */
function kept(format: string, value: number, bits: 5 | 6): number {
  if (format !== "RG16") return value;
  const short = value >> (8 - bits);
  return bits === 5 ? (short << 3) | (short >> 2) : (short << 2) | (short >> 4);
}

/** The painter's picture `n` as RGBA, from `left` and `top` on. */
export function painted(width: number, height: number, n: number, format = "XR24", left = 0, top = 0): Uint8Array {
  const out = new Uint8Array(width * height * 4);
  for (let y = 0, at = 0; y < height; y++)
    for (let x = 0; x < width; x++, at += 4) {
      out[at] = kept(format, ((x + left) * 3 + n * 31) & 255, 5);
      out[at + 1] = kept(format, ((y + top) * 5 + n * 17) & 255, 6);
      out[at + 2] = kept(format, (((x + left) ^ (y + top)) + n) & 255, 5);
      out[at + 3] = 255;
    }
  return out;
}

/** Which picture this claims to be, by its first pixel: red is n * 31, and 31 * 223 is 1 modulo 256. */
export const numberOf = (picture: Uint8Array): number => ((picture[0] ?? 0) * 223) & 255;

/** Draws the painter's rectangle into an RGBA picture. */
export function addRectangle(
  picture: Uint8Array,
  width: number,
  [x, y, w, h]: readonly [number, number, number, number],
) {
  for (let row = y; row < y + h; row++)
    for (let column = x; column < x + w; column++) picture.set([255, 0, 128, 255], (row * width + column) * 4);
}

/** Composites the painter's cursor: premultiplied, clipped, rounded to the nearest. */
export function addCursor(picture: Uint8Array, width: number, side: number, left: number, top: number): void {
  const height = picture.length / 4 / width;
  for (let row = 0; row < side; row++)
    for (let column = 0; column < side; column++) {
      const [x, y] = [left + column, top + row];
      if (x < 0 || y < 0 || x >= width || y >= height) continue;
      const alpha = Math.floor((column * 255) / (side - 1));
      const grey = Math.floor(alpha / 2);
      const source = [grey, alpha, Math.floor(grey / 2)];
      for (let k = 0; k < 3; k++) {
        const at = (y * width + x) * 4 + k;
        const below = Math.floor(((picture[at] ?? 0) * (255 - alpha) + 127) / 255);
        picture[at] = Math.min(255, (source[k] ?? 0) + below);
      }
    }
}

/** Looks at what is published as `name` until it is `wanted`; how the last one differed is thrown. */
export async function untilShown(name: string, width: number, wanted: Uint8Array, what: string): Promise<void> {
  let last = "nothing was published";
  const look = () => {
    const opened = FrameBuffer.open(name); // anew each time: another size is another memory
    if (!opened.ok) last = opened.message;
    if (!opened.ok) return false;
    const frames = opened.value;
    const picture = new Uint8Array(frames.frameBytes);
    const shown = frames.readFrame(picture) === "new" && frames.width === width;
    if (shown) last = difference(picture, wanted, width);
    frames.close();
    return shown && last === "";
  };
  await eventually(what, look).catch((cause: unknown) => {
    throw new Error(`${what} was never shown: ${last}`, { cause });
  });
}

/** In words, for a failed test; "" when there is none. */
export function difference(is: Uint8Array, wanted: Uint8Array, width: number): string {
  if (is.length !== wanted.length) return `${is.length} bytes instead of ${wanted.length}`;
  if (Buffer.compare(is, wanted) === 0) return "";
  let count = 0;
  let first = -1;
  for (let i = 0; i < is.length; i++)
    if (is[i] !== wanted[i]) {
      if (first < 0) first = i;
      count++;
    }
  const at = Math.floor(first / 4);
  return `${count} bytes differ, first at ${at % width},${Math.floor(at / width)}: ${is.slice(at * 4, at * 4 + 4)} instead of ${wanted.slice(at * 4, at * 4 + 4)}`;
}

/** The pixels of a PNG of 8-bit RGBA or RGB, as RGBA (PNG 1.2, sections 3 and 6). The guest needs no image library for it. */
export function pixelsOf(file: Buffer): Uint8Array {
  const parts: Buffer[] = [];
  let [width, height, channels] = [0, 0, 4];
  for (let at = 8; at < file.length; at += 12 + file.readUInt32BE(at)) {
    const kind = file.toString("latin1", at + 4, at + 8);
    const data = file.subarray(at + 8, at + 8 + file.readUInt32BE(at));
    if (kind === "IHDR") {
      [width, height] = [data.readUInt32BE(0), data.readUInt32BE(4)];
      channels = data[9] === 2 ? 3 : 4;
    }
    if (kind === "IDAT") parts.push(data);
  }
  const raw = inflateSync(Buffer.concat(parts));
  const row = width * channels;
  const plain = new Uint8Array(row * height);
  for (let y = 0; y < height; y++)
    for (let x = 0; x < row; x++) {
      const left = x < channels ? 0 : (plain[y * row + x - channels] ?? 0);
      const up = y === 0 ? 0 : (plain[(y - 1) * row + x] ?? 0);
      const corner = y === 0 || x < channels ? 0 : (plain[(y - 1) * row + x - channels] ?? 0);
      plain[y * row + x] = (raw[y * (row + 1) + 1 + x] ?? 0) + predicted(raw[y * (row + 1)] ?? 0, left, up, corner);
    }
  if (channels === 4) return plain;
  const out = new Uint8Array(width * height * 4).fill(255);
  for (let i = 0; i < width * height; i++) out.set(plain.subarray(i * 3, i * 3 + 3), i * 4);
  return out;
}

function predicted(filter: number, left: number, up: number, corner: number): number {
  if (filter === 0) return 0;
  if (filter === 1) return left;
  if (filter === 2) return up;
  if (filter === 3) return (left + up) >> 1;
  const guess = left + up - corner;
  const [a, b, c] = [Math.abs(guess - left), Math.abs(guess - up), Math.abs(guess - corner)];
  return a <= b && a <= c ? left : b <= c ? up : corner;
}

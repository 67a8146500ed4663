/** Cameras of the lab as its tests use them: frames one by one, known pictures, a feeder of compressed ones. */
import { type Camera, type CameraFrame, listCameras, openCamera, setCameraControl } from "../../ffi/camera.ts";
import { atEnd, eventually } from "../e2e/processes.ts";

/** The node that gives pictures of the device whose bus address ends so. */
export function cameraAt(bus: string): string {
  const found = listCameras().devices.find((one) => one.bus.endsWith(bus) && one.isCamera);
  if (!found) throw new Error(`no camera at ${bus}`);
  return found.path;
}

export function set(device: string, ...controls: string[]): void {
  for (const control of controls) {
    const done = setCameraControl(device, control);
    if (!done.ok) throw new Error(done.message);
  }
}

export class Stream {
  readonly camera: Camera;
  #woken = Promise.withResolvers<void>();

  constructor(target: string, width = 320, height = 180, fps = 60) {
    const opened = openCamera({ target, width, height, fps }, () => this.#woken.resolve());
    if (!opened.ok) throw new Error(opened.message);
    this.camera = opened.value;
    atEnd(() => this.camera.close());
  }

  /** The next frame that satisfies; throws when none comes in time. */
  async next(satisfies: (frame: CameraFrame) => boolean = () => true): Promise<CameraFrame> {
    const wanted = eventually("a frame", async () => {
      await Promise.race([this.#woken.promise, Bun.sleep(200)]);
      this.#woken = Promise.withResolvers<void>();
      this.camera.rearm();
      const frame = this.camera.take();
      return frame && satisfies(frame) && frame;
    });
    return wanted.catch((cause: unknown) => {
      throw new Error(`${this.camera.describe()} ${JSON.stringify(this.camera.stats())}`, { cause });
    });
  }

  /** The next frame as BGRA. */
  async picture(satisfies?: (frame: CameraFrame) => boolean): Promise<Uint8Array> {
    await this.next(satisfies);
    const decoded = this.camera.decode();
    if (!decoded.ok) throw new Error(decoded.message);
    return decoded.value.pixels;
  }

  close(): void {
    this.camera.close();
  }
}

/** Of vivid's 100 % colour bars, from left to right. */
export const bars = [
  [255, 255, 255],
  [255, 255, 0],
  [0, 255, 255],
  [0, 255, 0],
  [255, 0, 255],
  [255, 0, 0],
  [0, 0, 255],
  [0, 0, 0],
] as const;

/** How far the middle of each bar is from what it should be, at most, over all rows. `pixels` have `order` in memory. */
export function distanceFromBars(
  pixels: Uint8Array,
  width: number,
  { grey = false, order = [2, 1, 0] }: { grey?: boolean; order?: readonly number[] } = {},
): number {
  const height = pixels.length / 4 / width;
  let furthest = 0;
  for (const [bar, colour] of bars.entries()) {
    const luma = 0.2126 * colour[0] + 0.7152 * colour[1] + 0.0722 * colour[2];
    const middle = Math.floor(((bar + 0.5) * width) / bars.length);
    for (let y = 0; y < height; y++)
      for (let x = middle - 6; x < middle + 6; x++)
        for (const [part, place] of order.entries()) {
          const is = pixels[4 * (y * width + x) + place] as number;
          furthest = Math.max(furthest, Math.abs(is - (grey ? luma : (colour[part] as number))));
        }
  }
  return furthest;
}

/** camera_feed.c: JPEG pictures into a v4l2loopback device. */
export class Feeder {
  readonly #process: Bun.Subprocess<"pipe", "pipe", "inherit">;
  readonly #answers: ReadableStreamDefaultReader<Uint8Array>;

  constructor(device: string, width: number, height: number) {
    this.#process = Bun.spawn(["build/lab/camera_feed", device, String(width), String(height)], {
      stdin: "pipe",
      stdout: "pipe",
      stderr: "inherit",
    });
    this.#answers = this.#process.stdout.getReader();
    atEnd(() => this.#process.kill("SIGKILL"));
  }

  /** Resolves when the line was taken. */
  async tell(line: string): Promise<void> {
    this.#process.stdin.write(`${line}\n`);
    this.#process.stdin.flush();
    if ((await this.#answers.read()).done) throw new Error("the feeder ended");
  }

  async close(): Promise<void> {
    this.#process.stdin.end();
    await this.#process.exited;
  }
}

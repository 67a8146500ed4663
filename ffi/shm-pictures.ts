/**
 * Threads that connect frame buffers to this machine's screens (c/shmem/publisher.c, viewer.c): one publishes what a capture
 * backend sees, one shows what a program publishes. Both sleep while nothing changes, and tell once when they are at an end.
 */
import { fail, ok, type Result } from "../src/base/result.ts";
import { enums } from "./abi.ts";
import { cString, native, type Pointer, textOf, wakeCallback } from "./library.ts";

export interface PublisherSettings {
  /** A capture backend, or "auto". */
  readonly capture: string;
  /** X display, device or file; "" for the default. */
  readonly target: string;
  /** Of the shared memory. */
  readonly name: string;
  /** Pixels, only for sources that may choose; 0 for their default. */
  readonly width: number;
  readonly height: number;
  /** Most pictures a second. */
  readonly fps: number;
}

export interface Publisher {
  /** What is captured, and its size in pixels. */
  describe(): { capture: string; width: number; height: number };
  /** Pictures so far. */
  published(): number;
  /** May be called twice. */
  close(): void;
}

export interface ViewerSettings {
  /** Of the shared memory. */
  readonly name: string;
  /** A display backend, or "auto". */
  readonly output: string;
  /** X display; "" for $DISPLAY. */
  readonly display: string;
  readonly title: string;
  readonly fullscreen: boolean;
}

export type ViewerEnd = "display-lost" | "left" | "writer-gone";

export interface Viewer {
  /** Pictures so far. */
  shown(): number;
  /** May be called twice. */
  close(): void;
}

/** Opens with a callback for the thread's end, which is not called any more once closed. */
function withEnd(open: (wake: Pointer, error: Uint8Array) => Pointer | null, onEnd: () => void): Result<Opened> {
  const error = new Uint8Array(512);
  const wake = wakeCallback(onEnd);
  const handle = open(wake.ptr as Pointer, error);
  if (!handle) {
    wake.close();
    return fail("unavailable", textOf(error) || "There is no memory.");
  }
  return ok({ handle, closed: wake.close });
}

interface Opened {
  readonly handle: Pointer;
  readonly closed: () => void;
}

/** Starts publishing; `onEnd` is called when the source is gone. */
export function openPublisher(settings: PublisherSettings, onEnd: () => void): Result<Publisher> {
  const lib = native();
  const { capture, target, name, width, height, fps } = settings;
  const texts = [cString(capture), cString(target), cString(name)] as const;
  const opened = withEnd(
    (wake, error) => lib.pb_publisher_open(...texts, width, height, fps, wake, error, error.length),
    onEnd,
  );
  if (!opened.ok) return opened;
  let handle: Pointer | null = opened.value.handle;
  let published = 0;
  const count = () => {
    if (handle) published = Number(lib.pb_publisher_published(handle));
    return published;
  };
  return ok({
    describe: () => {
      const out = new Uint8Array(256);
      const size: number = handle ? lib.pb_publisher_describe(handle, out, out.length) : 0;
      const [by = "", wide, high] = textOf(out, size).split("\t");
      return { capture: by, width: Number(wide), height: Number(high) };
    },
    published: count,
    close: () => {
      if (!handle) return;
      count();
      lib.pb_publisher_close(handle);
      handle = null;
      opened.value.closed();
    },
  });
}

/** Opens a window; `onEnd` is called when the person left, or when the program or the display is gone. */
export function openViewer(settings: ViewerSettings, onEnd: (why: ViewerEnd) => void): Result<Viewer> {
  const lib = native();
  const { name, output, display, title, fullscreen } = settings;
  const texts = [cString(name), cString(output), cString(display), cString(title)] as const;
  const ends: Record<number, ViewerEnd> = {
    [enums.viewer_end.left]: "left",
    [enums.viewer_end.writer_gone]: "writer-gone",
  };
  let handle: Pointer | null = null;
  const opened = withEnd(
    (wake, error) => lib.pb_viewer_open(...texts, fullscreen ? 1 : 0, wake, error, error.length),
    () => {
      if (handle) onEnd(ends[lib.pb_viewer_reason(handle) as number] ?? "display-lost");
    },
  );
  if (!opened.ok) return opened;
  handle = opened.value.handle;
  let shown = 0;
  const count = () => {
    if (handle) shown = Number(lib.pb_viewer_shown(handle));
    return shown;
  };
  return ok({
    shown: count,
    close: () => {
      if (!handle) return;
      count();
      lib.pb_viewer_close(handle);
      handle = null;
      opened.value.closed();
    },
  });
}

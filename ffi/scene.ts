/**
 * A window with moving content and a timecode, painted by a native thread (c/meter/scene.c): the source of the demo and of
 * glass-to-glass measurements. It is shown above everything at the screen's top left and takes no input.
 */
import { fail, ok, type Result } from "../src/base/result.ts";
import { cString, native, type Pointer, ptr, textOf } from "./library.ts";

/** What moves: nothing, a column of text, the middle three quarters, or the picture made to be looked at. */
export type SceneMode = "static" | "scroll" | "video" | "demo";

export interface SceneSettings {
  /** X display; "" for $DISPLAY. */
  target: string;
  /** Pixels, at least 896 x 64; 0 for the whole screen. */
  width: number;
  height: number;
  fps: number;
  mode: SceneMode;
}

export interface Scene {
  /** Frames that the X server has shown. It stands still once the server went away. */
  painted(): number;
  /** Takes the window away. May be called twice. */
  close(): void;
}

/** Starts painting. A failure ("unavailable") says in one sentence why the display cannot show it. */
export function openScene(settings: SceneSettings): Result<Scene> {
  const error = new Uint8Array(512);
  const target = cString(settings.target);
  const mode = cString(settings.mode);
  let handle = native().pb_scene_open(
    ptr(target),
    settings.width,
    settings.height,
    settings.fps,
    ptr(mode),
    ptr(error),
    error.length,
  ) as Pointer | null;
  if (!handle) return fail("unavailable", `The scene cannot be shown: ${textOf(error)}.`);
  let painted = 0;
  return ok({
    painted: () => {
      if (handle) painted = Number(native().pb_scene_painted(handle));
      return painted;
    },
    close: () => {
      if (!handle) return;
      painted = Number(native().pb_scene_painted(handle));
      native().pb_scene_close(handle);
      handle = null;
    },
  });
}

/**
 * Says what becomes of the camera that a command captures: that it went away and why, that it is back, and at the end what was
 * left out. The native side goes on by itself; without this nobody would hear of it.
 */
import { type CameraStats, capturedCamera } from "../../ffi/camera.ts";
import { createLog } from "../base/log.ts";
import type { Lifecycle } from "./lifecycle.ts";

const log = createLog("camera");
const lookMs = 500;

/** Frames that came and were not shown, by why. */
const losses = ["flagged", "undecodable", "missing", "skipped", "faults", "stalls", "gone"] as const;

/** For a report: the captured camera's figures so far, if there is one. */
export function cameraFigures(): { camera?: CameraStats } {
  const camera = capturedCamera();
  return camera ? { camera: camera.stats } : {};
}

/** Looks until the lifecycle ends. What captures is deferred before, so that it is still there when the figures are told. */
export function watchCamera(lifecycle: Lifecycle): void {
  let away = false;
  let rests = false;
  let last: CameraStats | undefined;
  const look = () => {
    const camera = capturedCamera();
    if (!camera) return;
    const { stats, what } = camera;
    // Away and back again may both lie between two looks.
    if (camera.away && !away) log.warn(`${what}; the last picture stays until it is back`);
    if (stats.reopened > (last?.reopened ?? 0)) log.info(`opened again: ${what}`);
    if (camera.rests && !rests) log.info(what);
    last = stats;
    ({ away, rests } = camera);
  };
  const timer = setInterval(look, lookMs);
  lifecycle.defer("the camera's figures", () => {
    look();
    clearInterval(timer);
    if (!last) return;
    const { frames } = last;
    const told = losses.filter((loss) => last?.[loss]).map((loss) => `${last?.[loss]} ${loss}`);
    log.info(`${frames} frames${told.length ? `; ${told.join(", ")}` : ""}`);
  });
}

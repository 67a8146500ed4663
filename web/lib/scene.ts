/**
 * The demo signals: a state that players draw by themselves. Coordinates run from 0 to 16 across and 0 to 9 down; hues are
 * degrees. Whatever else a state holds is left alone.
 *
 *   { "scene": { "hue": 160, "shapes": {
 *       "ball":  { "kind": "circle", "x": 8, "y": 4, "r": 0.6, "hue": 20 },
 *       "box":   { "kind": "box", "x": 1, "y": 1, "w": 2, "h": 1, "hue": 200 },
 *       "wire":  { "kind": "spring", "x": 8, "y": 0, "x2": 8, "y2": 4, "hue": 160 },
 *       "title": { "kind": "text", "x": 1, "y": 8, "size": 0.6, "text": "Springs" } } } }
 *
 * Between two states numbers glide, so ten states a second look smooth.
 */
import type { Json, JsonObject } from "../../src/wire/merge.ts";

const [across, down] = [16, 9];
/** More are not drawn. */
const shapeLimit = 500;
/** How much of the way to the newest value is left after 50 ms. */
const leftAfter50Ms = 0.3;

const object = (value: Json | undefined): JsonObject | undefined =>
  typeof value === "object" && value !== null && !Array.isArray(value) ? (value as JsonObject) : undefined;
const number = (value: Json | undefined, otherwise: number): number => (typeof value === "number" ? value : otherwise);

/** The scene of a state, or undefined when it has none. */
export function sceneOf(state: Json | undefined): JsonObject | undefined {
  const scene = object(object(state)?.scene);
  return object(scene?.shapes) ? scene : undefined;
}

export class SceneView {
  /** What each shape's numbers are on the screen. */
  readonly #shown = new Map<string, Map<string, number>>();
  #lastMs = 0;

  draw(context: CanvasRenderingContext2D, scene: JsonObject, nowMs: number): void {
    const { width, height } = context.canvas;
    const step = 1 - leftAfter50Ms ** (Math.min(200, nowMs - this.#lastMs) / 50);
    this.#lastMs = nowMs;
    const hue = number(scene.hue, 160);
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.fillStyle = `hsl(${hue} 20% 10%)`;
    context.fillRect(0, 0, width, height);
    const scale = Math.min(width / across, height / down);
    context.setTransform(scale, 0, 0, scale, (width - across * scale) / 2, (height - down * scale) / 2);
    const shapes = Object.entries(object(scene.shapes) ?? {}).slice(0, shapeLimit);
    const names = new Set(shapes.map(([name]) => name));
    for (const name of this.#shown.keys()) if (!names.has(name)) this.#shown.delete(name);
    for (const [name, value] of shapes) {
      const shape = object(value);
      if (shape) drawShape(context, shape, this.#glide(name, shape, step));
    }
    context.setTransform(1, 0, 0, 1, 0, 0);
  }

  #glide(name: string, shape: JsonObject, step: number): (key: string, otherwise: number) => number {
    let shown = this.#shown.get(name);
    if (!shown) {
      shown = new Map();
      this.#shown.set(name, shown);
    }
    const places = shown;
    return (key, otherwise) => {
      const target = number(shape[key], otherwise);
      const before = places.get(key) ?? target;
      const now = Math.abs(target - before) < 1e-3 ? target : before + (target - before) * step;
      places.set(key, now);
      return now;
    };
  }
}

function drawShape(
  context: CanvasRenderingContext2D,
  shape: JsonObject,
  at: (key: string, otherwise: number) => number,
): void {
  const colour = `hsl(${number(shape.hue, 160)} 70% 60%)`;
  const [x, y] = [at("x", 8), at("y", 4.5)];
  context.fillStyle = colour;
  context.strokeStyle = colour;
  context.beginPath();
  if (shape.kind === "circle") {
    context.arc(x, y, Math.max(0, at("r", 0.5)), 0, 2 * Math.PI);
    context.fill();
  } else if (shape.kind === "box") {
    const [w, h] = [at("w", 1), at("h", 1)];
    context.roundRect(x, y, w, h, 0.15);
    context.fill();
  } else if (shape.kind === "spring") {
    const [x2, y2] = [at("x2", x), at("y2", y)];
    context.lineWidth = 0.06;
    context.moveTo(x, y);
    const turns = 24;
    const [nx, ny] = [y2 - y, x - x2].map((side) => (side / Math.hypot(x2 - x, y2 - y || 1e-6)) * 0.25) as [
      number,
      number,
    ];
    for (let i = 1; i < turns; i++) {
      const [along, side] = [i / turns, i % 2 === 0 ? 1 : -1];
      context.lineTo(x + (x2 - x) * along + nx * side, y + (y2 - y) * along + ny * side);
    }
    context.lineTo(x2, y2);
    context.stroke();
  } else if (shape.kind === "text" && typeof shape.text === "string") {
    context.font = `600 ${Math.max(0.1, at("size", 0.5))}px system-ui, sans-serif`;
    context.fillText(shape.text.slice(0, 200), x, y);
  }
}

/** The bus view: every frame of the last ten seconds as a bar, placed by time, coloured by kind, as high as the logarithm of its size. */
import { element } from "../dom.ts";

export type BusKind = "keyframe" | "delta" | "audio" | "signal" | "neural" | "input" | "other";

const kinds: Readonly<Record<BusKind, { readonly name: string; readonly colour: string }>> = {
  keyframe: { name: "Keyframe", colour: "light-dark(#0f6b5c, #4fc3ab)" },
  delta: { name: "Delta", colour: "light-dark(#76b5a7, #2b7a69)" },
  audio: { name: "Sound", colour: "light-dark(#a8620f, #f0b35c)" },
  signal: { name: "Signal", colour: "light-dark(#5a4bb0, #a99cf0)" },
  neural: { name: "Neural", colour: "light-dark(#a63a7f, #ee8fcb)" },
  input: { name: "Input", colour: "light-dark(#2f6db3, #7db5ee)" },
  other: { name: "Other", colour: "light-dark(#8b948f, #79847e)" },
};
const windowMs = 10_000;
/** More frames than pixels are not worth keeping. */
const kept = 4096;

export class BusView {
  readonly #canvas: HTMLCanvasElement;
  readonly #marks: { readonly atMs: number; readonly kind: BusKind; readonly bytes: number }[] = [];
  readonly #swatches = new Map<BusKind, HTMLElement>();

  constructor(canvas: HTMLCanvasElement, legend: HTMLElement) {
    this.#canvas = canvas;
    for (const [kind, { name, colour }] of Object.entries(kinds)) {
      const swatch = element("i", { "aria-hidden": "true" });
      swatch.style.setProperty("--kind", colour);
      this.#swatches.set(kind as BusKind, swatch);
      legend.append(element("li", {}, swatch, name));
    }
  }

  add(kind: BusKind, bytes: number, nowMs: number): void {
    if (this.#marks.length >= kept) this.#marks.splice(0, kept / 4);
    this.#marks.push({ atMs: nowMs, kind, bytes });
  }

  draw(nowMs: number): void {
    const gone = this.#marks.findIndex(({ atMs }) => nowMs - atMs <= windowMs);
    this.#marks.splice(0, gone < 0 ? this.#marks.length : gone);
    const ratio = devicePixelRatio || 1;
    const [width, height] = [this.#canvas.clientWidth * ratio, this.#canvas.clientHeight * ratio].map(Math.round) as [
      number,
      number,
    ];
    if (width === 0) return;
    if (this.#canvas.width !== width) this.#canvas.width = width;
    if (this.#canvas.height !== height) this.#canvas.height = height;
    const context = this.#canvas.getContext("2d");
    if (!context) return;
    context.clearRect(0, 0, width, height);
    // The canvas knows no light-dark(): the swatches of the legend have the colours resolved.
    const colours = new Map([...this.#swatches].map(([kind, node]) => [kind, getComputedStyle(node).backgroundColor]));
    context.fillStyle = getComputedStyle(this.#canvas).borderBottomColor;
    context.globalAlpha = 0.25;
    for (let second = 0; second < 10; second++) context.fillRect(Math.round((second / 10) * width), 0, 1, height);
    context.globalAlpha = 1;
    for (const { atMs, kind, bytes } of this.#marks) {
      const x = width - ((nowMs - atMs) / windowMs) * width;
      // 16 bytes are one step high, 16 MB fill the strip.
      const high = Math.min(1, 0.08 + (Math.log2(Math.max(16, bytes)) - 4) / 20) * height;
      context.fillStyle = colours.get(kind) ?? "";
      context.fillRect(x, height - high, Math.max(1, 2 * ratio), high);
    }
  }
}

/**
 * The demo picture: a still desk with a clock, moving balls and what players do on it: their pointer, their last keys, their fingers.
 * Most of it stands still, as desktops do.
 */
import type { InputMessage } from "../../src/wire/ds.ts";
import { codeOf } from "../lib/evdev.ts";

const keysShown = 28;

export class Demo {
  #pointer: { x: number; y: number; buttons: number } | undefined;
  readonly #touches = new Map<number, { x: number; y: number }>();
  #keys = "";
  #scrolled = 0;

  input(event: InputMessage): void {
    switch (event.name) {
      case "pointer":
      case "pointerDown":
      case "pointerUp": {
        const { x, y, buttons, mode } = event.fields;
        const held = this.#pointer?.buttons ?? 0;
        const now = { pointer: buttons, pointerDown: held | buttons, pointerUp: held & ~buttons }[event.name];
        if (mode === 0) this.#pointer = { x: x / 65_535, y: y / 65_535, buttons: now };
        else this.#pointer = this.#moved((x << 16) >> 16, (y << 16) >> 16, now);
        return;
      }
      case "keyDown":
        this.#keys = `${this.#keys}${nameOf(event.fields.code)}`.slice(-keysShown);
        return;
      case "touch":
        this.#touches.set(event.fields.id, { x: event.fields.x / 65_535, y: event.fields.y / 65_535 });
        return;
      case "touchEnd":
        this.#touches.delete(event.fields.id);
        return;
      case "scroll":
        this.#scrolled += event.fields.dy / 120;
        return;
      default:
        return;
    }
  }

  #moved(dx: number, dy: number, buttons: number) {
    const { x, y } = this.#pointer ?? { x: 0.5, y: 0.5 };
    const within = (value: number) => Math.max(0, Math.min(1, value));
    return { x: within(x + dx / 1280), y: within(y + dy / 720), buttons };
  }

  draw(context: CanvasRenderingContext2D, seconds: number): void {
    const { width, height } = context.canvas;
    context.setTransform(width / 640, 0, 0, height / 360, 0, 0);
    context.fillStyle = "#12201c";
    context.fillRect(0, 0, 640, 360);
    this.#desk(context);
    this.#film(context, seconds);
    context.font = "600 34px system-ui, sans-serif";
    context.fillStyle = "#e8ece9";
    context.fillText(`${seconds.toFixed(1)} s`, 40, 92);
    context.font = "13px ui-monospace, monospace";
    context.fillText(this.#keys || "type over the picture", 40, 308);
    context.fillText(`wheel ${this.#scrolled.toFixed(1)}`, 40, 326);
    this.#hands(context);
    context.setTransform(1, 0, 0, 1, 0, 0);
  }

  /** Stands still. */
  #desk(context: CanvasRenderingContext2D): void {
    const panel = (x: number, y: number, w: number, h: number, title: string) => {
      context.fillStyle = "#1d2f2a";
      context.beginPath();
      context.roundRect(x, y, w, h, 10);
      context.fill();
      context.fillStyle = "#4fc3ab";
      context.font = "600 13px system-ui, sans-serif";
      context.fillText(title, x + 14, y + 22);
    };
    panel(24, 24, 250, 90, "Stream time");
    panel(24, 130, 250, 118, "Palette");
    panel(24, 264, 250, 72, "Input from players");
    panel(290, 24, 326, 312, "Moving");
    for (let i = 0; i < 12; i++) {
      context.fillStyle = `hsl(${i * 30} 55% 55%)`;
      context.fillRect(40 + (i % 6) * 37, 164 + Math.floor(i / 6) * 37, 30, 30);
    }
  }

  #film(context: CanvasRenderingContext2D, seconds: number): void {
    for (let i = 0; i < 5; i++) {
      const phase = seconds * (0.7 + i * 0.13) + i;
      context.fillStyle = `hsl(${150 + i * 35} 65% 58%)`;
      context.beginPath();
      context.arc(453 + 115 * Math.sin(phase), 190 + 105 * Math.sin(phase * 1.3 + i), 14 + i * 3, 0, 2 * Math.PI);
      context.fill();
    }
  }

  #hands(context: CanvasRenderingContext2D): void {
    if (this.#pointer) {
      const { x, y, buttons } = this.#pointer;
      context.strokeStyle = context.fillStyle = buttons ? "#f0b35c" : "#ffffff";
      context.lineWidth = 2;
      context.beginPath();
      context.arc(x * 640, y * 360, buttons ? 11 : 7, 0, 2 * Math.PI);
      context.stroke();
      context.fillRect(x * 640 - 1, y * 360 - 1, 2, 2);
    }
    context.fillStyle = "#f0b35caa";
    for (const { x, y } of this.#touches.values()) {
      context.beginPath();
      context.arc(x * 640, y * 360, 18, 0, 2 * Math.PI);
      context.fill();
    }
  }
}

function nameOf(code: number): string {
  const name = codeOf(code) ?? `#${code}`;
  if (name === "Space") return " ";
  return /^(Key|Digit)/.test(name) ? name.slice(-1).toLowerCase() : ` ${name} `;
}

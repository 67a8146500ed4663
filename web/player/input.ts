/**
 * Input of the person before the picture, as events for the source: pointer (held too), keys by their place on the keyboard, wheel and
 * touch. Everything pressed is let go when the picture loses the focus. Ctrl+Alt+Shift with Q, F and M are the player's own, as in
 * the native client. Sending is the caller's.
 */
import {
  buildKeyDown,
  buildKeyUp,
  buildPointer,
  buildPointerMotion,
  buildResize,
  buildScroll,
  buildTouch,
  buildTouchEnd,
  modifier,
  pointerButton,
} from "../../src/wire/ds.ts";
import { evdevOf } from "../lib/evdev.ts";

export interface InputSink {
  /** Whether input is wanted now. */
  readonly isOn: () => boolean;
  /** Sends what `build` makes of the next sequence number and the time in milliseconds. */
  send(build: (sequence: number, timestampMs: number) => Uint8Array<ArrayBuffer>): void;
  hotkey(action: "leave" | "fullscreen" | "lock"): void;
}

const hotkeys: Readonly<Record<string, "leave" | "fullscreen" | "lock">> = {
  KeyQ: "leave",
  KeyF: "fullscreen",
  KeyM: "lock",
};
const allButtons = Object.values(pointerButton);
const i16 = (value: number): number => Math.max(-32_768, Math.min(32_767, Math.round(value)));

export class Input {
  readonly #stage: HTMLElement;
  readonly #canvas: HTMLCanvasElement;
  readonly #sink: InputSink;
  readonly #keys = new Set<number>();
  readonly #touches = new Map<number, number>();
  #buttons = 0;
  #place = { x: 0, y: 0 };
  #wheel = { x: 0, y: 0 };
  #resizeTimer: ReturnType<typeof setTimeout> | undefined;

  constructor(stage: HTMLElement, canvas: HTMLCanvasElement, sink: InputSink) {
    this.#stage = stage;
    this.#canvas = canvas;
    this.#sink = sink;
    stage.tabIndex = 0;
    stage.addEventListener("keydown", (event) => this.#keyDown(event));
    stage.addEventListener("keyup", (event) => this.#keyUp(event));
    for (const name of ["pointerdown", "pointermove", "pointerup", "pointercancel"] as const)
      stage.addEventListener(name, (event) => this.#pointer(event));
    stage.addEventListener("wheel", (event) => this.#turned(event), { passive: false });
    stage.addEventListener("contextmenu", (event) => {
      if (sink.isOn()) event.preventDefault();
    });
    stage.addEventListener("blur", () => this.releaseAll());
    addEventListener("blur", () => this.releaseAll());
    document.addEventListener("visibilitychange", () => this.releaseAll());
    new ResizeObserver(() => {
      clearTimeout(this.#resizeTimer);
      this.#resizeTimer = setTimeout(() => this.sendSize(), 250);
    }).observe(stage);
  }

  /** The size that pictures are shown at, in device pixels. */
  sendSize(): void {
    const [width, height] = [this.#stage.clientWidth, this.#stage.clientHeight].map((side) =>
      Math.max(1, Math.min(8192, Math.round(side * devicePixelRatio))),
    ) as [number, number];
    this.#sink.send((sequence, ms) => buildResize(sequence, ms, width, height));
  }

  releaseAll(): void {
    for (const code of this.#keys) this.#sink.send((sequence, ms) => buildKeyUp(sequence, ms, code, 0));
    this.#keys.clear();
    this.#press(0);
    for (const id of this.#touches.values())
      this.#sink.send((sequence, ms) => buildTouchEnd(sequence, ms, id, "cancelled"));
    this.#touches.clear();
  }

  #keyDown(event: KeyboardEvent): void {
    if (!this.#sink.isOn()) return;
    const hotkey = event.ctrlKey && event.altKey && event.shiftKey ? hotkeys[event.code] : undefined;
    const code = evdevOf(event.code);
    if (hotkey || code !== undefined) event.preventDefault();
    if (hotkey) {
      this.releaseAll();
      if (!event.repeat) this.#sink.hotkey(hotkey);
    } else if (code !== undefined) {
      this.#keys.add(code);
      this.#sink.send((sequence, ms) => buildKeyDown(sequence, ms, code, modifiersOf(event), event.repeat));
    }
  }

  #keyUp(event: KeyboardEvent): void {
    const code = evdevOf(event.code);
    if (code === undefined || !this.#keys.delete(code)) return;
    event.preventDefault();
    this.#sink.send((sequence, ms) => buildKeyUp(sequence, ms, code, modifiersOf(event)));
  }

  #pointer(event: PointerEvent): void {
    if (event.type === "pointerdown") this.#stage.focus({ preventScroll: true });
    if (!this.#sink.isOn()) return;
    if (event.pointerType === "touch") {
      this.#touch(event);
      return;
    }
    const isLocked = document.pointerLockElement === this.#stage;
    if (event.type === "pointerdown" && !isLocked) this.#stage.setPointerCapture(event.pointerId);
    if (isLocked) this.#motion(event);
    else if (!this.#move(event)) return;
    // Buttons beside one that is held come as moves, so the set of those held says more than the event's name.
    this.#press(event.type === "pointercancel" ? 0 : event.buttons & 31);
  }

  /** False outside the picture with no button held. */
  #move(event: PointerEvent): boolean {
    const place = this.#placeOf(event);
    if (!place.isInside && this.#buttons === 0) return false;
    const { x, y } = place;
    if (x === this.#place.x && y === this.#place.y) return true;
    this.#place = { x, y };
    this.#sink.send((sequence, ms) => buildPointer("pointer", sequence, ms, x, y, this.#buttons));
    return true;
  }

  #motion({ movementX, movementY }: PointerEvent): void {
    if (movementX === 0 && movementY === 0) return;
    const [dx, dy] = [i16(movementX), i16(movementY)];
    this.#sink.send((sequence, ms) => buildPointerMotion("pointer", sequence, ms, dx, dy, this.#buttons));
  }

  #press(buttons: number): void {
    for (const bit of allButtons) {
      if (((buttons ^ this.#buttons) & bit) === 0) continue;
      const name = (buttons & bit) !== 0 ? "pointerDown" : "pointerUp";
      const { x, y } = this.#place;
      const isLocked = document.pointerLockElement === this.#stage;
      this.#sink.send((sequence, ms) =>
        isLocked ? buildPointerMotion(name, sequence, ms, 0, 0, bit) : buildPointer(name, sequence, ms, x, y, bit),
      );
    }
    this.#buttons = buttons;
  }

  /** 0 to 65535 across what is shown; the canvas is fitted into its box, with bars beside it. */
  #placeOf({ clientX, clientY }: PointerEvent): { x: number; y: number; isInside: boolean } {
    const box = this.#canvas.getBoundingClientRect();
    const scale = Math.min(box.width / this.#canvas.width, box.height / this.#canvas.height);
    const [width, height] = [this.#canvas.width * scale, this.#canvas.height * scale];
    const x = (clientX - box.left - (box.width - width) / 2) / width;
    const y = (clientY - box.top - (box.height - height) / 2) / height;
    const u16 = (part: number) => Math.round(Math.max(0, Math.min(1, part)) * 65_535);
    return { x: u16(x), y: u16(y), isInside: x >= 0 && x <= 1 && y >= 0 && y <= 1 };
  }

  #touch(event: PointerEvent): void {
    const isEnd = event.type === "pointerup" || event.type === "pointercancel";
    let id = this.#touches.get(event.pointerId);
    if (id === undefined) {
      if (event.type !== "pointerdown") return;
      const used = new Set(this.#touches.values());
      id = Array.from({ length: 256 }, (_, i) => i).find((i) => !used.has(i)) ?? 255;
      this.#touches.set(event.pointerId, id);
    }
    const finger = id;
    if (isEnd) {
      this.#touches.delete(event.pointerId);
      const how = event.type === "pointerup" ? "lifted" : "cancelled";
      this.#sink.send((sequence, ms) => buildTouchEnd(sequence, ms, finger, how));
      return;
    }
    const { x, y } = this.#placeOf(event);
    const pressure = event.pressure === 0 ? 0 : Math.max(1, Math.round(event.pressure * 255));
    this.#sink.send((sequence, ms) => buildTouch(sequence, ms, finger, x, y, pressure));
  }

  #turned(event: WheelEvent): void {
    if (!this.#sink.isOn()) return;
    event.preventDefault();
    // A notch is 100 pixels, 3 lines or a page; events count it as 120.
    const unit = [1.2, 40, 120][event.deltaMode] ?? 1.2;
    this.#wheel.x += event.deltaX * unit;
    this.#wheel.y += event.deltaY * unit;
    const [dx, dy] = [i16(Math.trunc(this.#wheel.x)), i16(Math.trunc(this.#wheel.y))];
    this.#wheel.x -= dx;
    this.#wheel.y -= dy;
    if (dx !== 0 || dy !== 0) this.#sink.send((sequence, ms) => buildScroll(sequence, ms, dx, dy));
  }
}

function modifiersOf(event: KeyboardEvent): number {
  return (
    (event.shiftKey ? modifier.shift : 0) |
    (event.ctrlKey ? modifier.control : 0) |
    (event.altKey ? modifier.alt : 0) |
    (event.metaKey ? modifier.meta : 0) |
    (event.getModifierState("CapsLock") ? modifier.capsLock : 0) |
    (event.getModifierState("NumLock") ? modifier.numLock : 0)
  );
}

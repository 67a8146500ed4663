/**
 * Input events of ds-stream (ds-stream sections 4 and 19) to Linux input events and back: the host injects the one, a
 * window reports the other. Keys have the same codes in both; a wheel's notch is 120 in the one and 1 in the other; the pointer's
 * place is 0 to 65535 in both. Pure, with the little memory that the meaning of an event needs.
 */
import { buildKeyDown, buildKeyUp, buildPointer, buildPointerMotion, buildScroll } from "./ds-build.ts";
import { type InputMessage, signed16 } from "./ds-codec.ts";
import { pointerButton, pointerMode } from "./ds-layouts.ts";

/** Linux event types and the codes that have a meaning here (input-event-codes.h). */
const EV_SYN = 0;
const EV_KEY = 1;
const EV_REL = 2;
const EV_ABS = 3;
const REL = { x: 0, y: 1, horizontalWheel: 6, wheel: 8 } as const;
const ABS = { x: 0, y: 1 } as const;
const notch = 120;
const highestKey = 767;

const buttonCodes: readonly (readonly [bit: number, code: number])[] = [
  [pointerButton.left, 0x110],
  [pointerButton.right, 0x111],
  [pointerButton.middle, 0x112],
  [pointerButton.back, 0x113],
  [pointerButton.forward, 0x114],
];
const bitOf = new Map(buttonCodes.map(([bit, code]) => [code, bit]));
const leftButton = 0x110;

export type Emit = (type: number, code: number, value: number) => void;

/** Of one sender of input events; several that share one are mixed. */
export class DsToEvdev {
  #wheel = { x: 0, y: 0 };
  /** The finger that moves the pointer: the first one down. */
  #finger: number | undefined;

  /** Emits what the event means, without EV_SYN. False for one that keyboard and pointer have no word for. */
  translate(message: InputMessage, emit: Emit): boolean {
    switch (message.name) {
      case "pointer":
      case "pointerDown":
      case "pointerUp":
        this.#pointer(message, emit);
        return true;
      case "keyDown":
        emit(EV_KEY, message.fields.code, message.fields.repeat === 1 ? 2 : 1);
        return true;
      case "keyUp":
        emit(EV_KEY, message.fields.code, 0);
        return true;
      case "scroll":
        this.#scroll(message.fields.dx, message.fields.dy, emit);
        return true;
      case "touch":
        this.#touch(message.fields, emit);
        return true;
      case "touchEnd":
        if (message.fields.id !== this.#finger) return true;
        this.#finger = undefined;
        emit(EV_KEY, leftButton, 0);
        return true;
      default:
        return false;
    }
  }

  #pointer({ name, fields }: InputMessage<"pointer" | "pointerDown" | "pointerUp">, emit: Emit): void {
    if (fields.mode === pointerMode.absolute) {
      emit(EV_ABS, ABS.x, fields.x);
      emit(EV_ABS, ABS.y, fields.y);
    } else {
      const [dx, dy] = [signed16(fields.x), signed16(fields.y)];
      if (dx !== 0) emit(EV_REL, REL.x, dx);
      if (dy !== 0) emit(EV_REL, REL.y, dy);
    }
    if (name === "pointer") return;
    for (const [bit, code] of buttonCodes)
      if ((fields.buttons & bit) !== 0) emit(EV_KEY, code, name === "pointerDown" ? 1 : 0);
  }

  /** Parts of a notch are kept until they make a whole one. */
  #scroll(dx: number, dy: number, emit: Emit): void {
    this.#wheel.x += dx;
    this.#wheel.y += dy;
    const [across, down] = [Math.trunc(this.#wheel.x / notch), Math.trunc(this.#wheel.y / notch)];
    this.#wheel.x -= across * notch;
    this.#wheel.y -= down * notch;
    if (across !== 0) emit(EV_REL, REL.horizontalWheel, across);
    if (down !== 0) emit(EV_REL, REL.wheel, -down);
  }

  #touch({ id, x, y }: { readonly id: number; readonly x: number; readonly y: number }, emit: Emit): void {
    const isFirst = this.#finger === undefined;
    if (isFirst) this.#finger = id;
    else if (this.#finger !== id) return;
    emit(EV_ABS, ABS.x, x);
    emit(EV_ABS, ABS.y, y);
    if (isFirst) emit(EV_KEY, leftButton, 1);
  }

  /** What was begun does not go on: the sender changed, or everything was let go. */
  reset(): void {
    this.#finger = undefined;
    this.#wheel = { x: 0, y: 0 };
  }
}

/** Sends one message. */
export type SendInput = (build: (sequence: number, timestampMs: number) => Uint8Array<ArrayBuffer>) => void;

/** Of one window: gathers motion until its group ends (EV_SYN), and remembers what is down. */
export class EvdevToDs {
  readonly #send: SendInput;
  readonly #keys = new Set<number>();
  #buttons = 0;
  #place = { x: 0, y: 0 };
  #motion = { dx: 0, dy: 0 };
  #moved = false;
  /** The last motion was relative, as with a held pointer. */
  #isRelative = false;

  constructor(send: SendInput) {
    this.#send = send;
  }

  add(type: number, code: number, value: number): void {
    switch (type) {
      case EV_SYN:
        this.flush();
        return;
      case EV_ABS:
        if (code === ABS.x) this.#place.x = value & 0xffff;
        else if (code === ABS.y) this.#place.y = value & 0xffff;
        this.#isRelative = false;
        this.#moved = true;
        return;
      case EV_REL:
        this.#relative(code, value);
        return;
      case EV_KEY:
        this.flush();
        this.#key(code, value);
        return;
    }
  }

  #relative(code: number, value: number): void {
    if (code === REL.wheel) this.#scroll(0, -value * notch);
    else if (code === REL.horizontalWheel) this.#scroll(value * notch, 0);
    else if (code === REL.x || code === REL.y) {
      if (code === REL.x) this.#motion.dx += value;
      else this.#motion.dy += value;
      this.#isRelative = true;
      this.#moved = true;
    }
  }

  #scroll(dx: number, dy: number): void {
    this.flush();
    this.#send((sequence, ms) => buildScroll(sequence, ms, clamp16(dx), clamp16(dy)));
  }

  #key(code: number, value: number): void {
    const bit = bitOf.get(code);
    if (bit !== undefined) {
      this.#buttons = value === 0 ? this.#buttons & ~bit : this.#buttons | bit;
      this.#button(bit, value !== 0);
    } else if (code >= 1 && code <= highestKey) {
      if (value === 0) this.#keys.delete(code);
      else this.#keys.add(code);
      this.#send((sequence, ms) =>
        value === 0 ? buildKeyUp(sequence, ms, code, 0) : buildKeyDown(sequence, ms, code, 0, value === 2),
      );
    }
  }

  #button(bit: number, isDown: boolean): void {
    const name = isDown ? "pointerDown" : "pointerUp";
    const { x, y } = this.#place;
    const isRelative = this.#isRelative;
    this.#send((sequence, ms) =>
      isRelative ? buildPointerMotion(name, sequence, ms, 0, 0, bit) : buildPointer(name, sequence, ms, x, y, bit),
    );
  }

  /** Sends the motion that was gathered. */
  flush(): void {
    if (!this.#moved) return;
    this.#moved = false;
    const { x, y } = this.#place;
    const [dx, dy] = [clamp16(this.#motion.dx), clamp16(this.#motion.dy)];
    this.#motion = { dx: 0, dy: 0 };
    const [buttons, isRelative] = [this.#buttons, this.#isRelative];
    this.#send((sequence, ms) =>
      isRelative
        ? buildPointerMotion("pointer", sequence, ms, dx, dy, buttons)
        : buildPointer("pointer", sequence, ms, x, y, buttons),
    );
  }

  /** Lets go of everything that is down. */
  releaseAll(): void {
    this.flush();
    for (const code of this.#keys) this.#send((sequence, ms) => buildKeyUp(sequence, ms, code, 0));
    this.#keys.clear();
    for (const [bit] of buttonCodes) if ((this.#buttons & bit) !== 0) this.#button(bit, false);
    this.#buttons = 0;
  }
}

const clamp16 = (value: number): number => Math.max(-32_768, Math.min(32_767, value));

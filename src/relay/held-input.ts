/**
 * What each receiver holds down, so that one that vanishes lets go of it: the source cannot tell receivers apart, and would have its
 * keys pressed for ever. Pure. Spec ds-stream.md section 4, codes of section 19.
 */
import {
  buildKeyUp,
  buildPointer,
  buildTouchEnd,
  frame,
  frameBytes,
  inputEvent,
  key,
  pointer,
  pointerMode,
  touch,
  touchEnd,
} from "../wire/ds.ts";
import type { ConnectionId } from "./transport.ts";

interface Held {
  readonly keys: Set<number>;
  readonly fingers: Set<number>;
  buttons: number;
  x: number;
  y: number;
}

/** No hand holds more; what is above is not remembered. */
const heldLimit = 64;

export class HeldInput {
  readonly #by = new Map<ConnectionId, Held>();

  /** `view` lies over a checked input event. */
  note(from: ConnectionId, view: DataView): void {
    const type = frame.type(view, 0);
    switch (type) {
      case inputEvent.keyDown:
        add(this.#of(from).keys, key.code(view, frameBytes));
        return;
      case inputEvent.keyUp:
        this.#by.get(from)?.keys.delete(key.code(view, frameBytes));
        return;
      case inputEvent.touch:
        add(this.#of(from).fingers, touch.id(view, frameBytes));
        return;
      case inputEvent.touchEnd:
        this.#by.get(from)?.fingers.delete(touchEnd.id(view, frameBytes));
        return;
      case inputEvent.pointer:
      case inputEvent.pointerDown:
      case inputEvent.pointerUp:
        this.#pointer(this.#of(from), type, view);
    }
  }

  #of(from: ConnectionId): Held {
    const known = this.#by.get(from);
    if (known) return known;
    const held = { keys: new Set<number>(), fingers: new Set<number>(), buttons: 0, x: 0, y: 0 };
    this.#by.set(from, held);
    return held;
  }

  #pointer(held: Held, type: number, view: DataView): void {
    if (pointer.mode(view, frameBytes) === pointerMode.absolute) {
      held.x = pointer.x(view, frameBytes);
      held.y = pointer.y(view, frameBytes);
    }
    const buttons = pointer.buttons(view, frameBytes);
    if (type === inputEvent.pointerDown) held.buttons |= buttons;
    else if (type === inputEvent.pointerUp) held.buttons &= ~buttons;
  }

  /** The events that let go of everything that this receiver holds. */
  release(from: ConnectionId): Uint8Array<ArrayBuffer>[] {
    const held = this.#by.get(from);
    if (!held) return [];
    this.#by.delete(from);
    const { keys, fingers, buttons, x, y } = held;
    return [
      ...[...keys].map((code) => buildKeyUp(0, 0, code, 0)),
      ...(buttons === 0 ? [] : [buildPointer("pointerUp", 0, 0, x, y, buttons)]),
      ...[...fingers].map((id) => buildTouchEnd(0, 0, id, "cancelled")),
    ];
  }
}

function add(set: Set<number>, value: number): void {
  if (set.size < heldLimit) set.add(value);
}

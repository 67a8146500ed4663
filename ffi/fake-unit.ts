/** What the fake grabber and player have in common: access units that show whether they are whole, and the wake-up. */

/** Start code, slice type (5: keyframe, 1: other), number of the frame, then bytes that follow from the number. */
export function fakeAccessUnit(sequence: number, keyframe: boolean, size: number): Uint8Array {
  const unit = new Uint8Array(Math.max(size, 16));
  unit.set([0, 0, 0, 1, keyframe ? 0x65 : 0x41]);
  new DataView(unit.buffer).setUint32(5, sequence, true);
  for (let i = 9; i < unit.length; i++) unit[i] = (sequence * 31 + i * 7) & 0xff;
  return unit;
}

/** Number and kind of a whole, undamaged fake access unit; undefined for anything else. */
export function readFakeAccessUnit(unit: Uint8Array): { sequence: number; keyframe: boolean } | undefined {
  if (unit.length < 16 || unit[2] !== 0 || unit[3] !== 1) return undefined;
  const keyframe = unit[4] === 0x65;
  const sequence = new DataView(unit.buffer, unit.byteOffset).getUint32(5, true);
  const wanted = fakeAccessUnit(sequence, keyframe, unit.length);
  return wanted.every((byte, i) => byte === unit[i]) ? { sequence, keyframe } : undefined;
}

/** Rings once until it is armed again. */
export class Waker {
  #rung = false;
  readonly #onWake: () => void;
  constructor(onWake: () => void) {
    this.#onWake = onWake;
  }
  ring(): void {
    if (this.#rung) return;
    this.#rung = true;
    this.#onWake();
  }
  arm(): void {
    this.#rung = false;
  }
}

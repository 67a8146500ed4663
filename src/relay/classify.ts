/** Which input events are motion of which only the newest matters, so that a queue may replace the one before. Pure. */
import { frameBytes, gamepadAxis, inputEvent, pointer, pointerMode, touch } from "../wire/ds.ts";

/**
 * What a motion is a motion of, or undefined for an event that must arrive: presses, and relative motion, which adds up.
 * `event` is a whole input message that was checked.
 */
export function motionOf(event: Uint8Array, view: DataView): string | undefined {
  const type = event[0] as number;
  switch (type) {
    case inputEvent.pointer:
      return pointer.mode(view, frameBytes) === pointerMode.absolute ? "pointer" : undefined;
    case inputEvent.touch:
      return `touch ${touch.id(view, frameBytes)}`;
    case inputEvent.gamepadAxis:
      return `axis ${gamepadAxis.pad(view, frameBytes)} ${gamepadAxis.axis(view, frameBytes)}`;
    case inputEvent.resize:
    case inputEvent.sensor:
    case inputEvent.bci:
      return String(type);
    default:
      return undefined;
  }
}

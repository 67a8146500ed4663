/** Input events of players in words, the newest first, and how many came. Shows; decides nothing. */
import type { InputMessage } from "../../src/wire/ds.ts";
import { byId, element } from "../dom.ts";
import { codeOf } from "../lib/evdev.ts";

const kept = 60;
const percent = (place: number): string => `${((place / 65_535) * 100).toFixed(1)} %`;
const signed = (value: number): number => (value << 16) >> 16;

export class InputLog {
  total = 0;
  #lastMove: HTMLElement | undefined;

  add(event: InputMessage): void {
    this.total++;
    byId("inputs-empty").hidden = true;
    const text = words(event);
    const isMove = event.name === "pointer";
    // Of motion only the newest is of interest.
    if (isMove && this.#lastMove) {
      this.#lastMove.textContent = text;
      return;
    }
    const line = element("li", {}, text);
    this.#lastMove = isMove ? line : undefined;
    const list = byId("inputs");
    list.prepend(line);
    while (list.childElementCount > kept) list.lastElementChild?.remove();
  }
}

function words(event: InputMessage): string {
  switch (event.name) {
    case "pointer":
    case "pointerDown":
    case "pointerUp": {
      const { x, y, buttons, mode } = event.fields;
      const place = mode === 0 ? `at ${percent(x)}, ${percent(y)}` : `by ${signed(x)}, ${signed(y)}`;
      return `${event.name} ${place} buttons ${buttons}`;
    }
    case "keyDown":
    case "keyUp": {
      const { code, modifiers, repeat } = event.fields;
      return `${event.name} ${codeOf(code) ?? "unnamed"} (${code}) modifiers ${modifiers}${repeat ? " repeated" : ""}`;
    }
    case "touch":
      return `touch ${event.fields.id} at ${percent(event.fields.x)}, ${percent(event.fields.y)}`;
    default:
      return `${event.name} ${Object.entries(event.fields)
        .map(([name, value]) => `${name} ${value}`)
        .join(" ")}`;
  }
}

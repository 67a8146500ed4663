/**
 * Gamepads and MIDI devices as input events. Gamepads are polled once a display frame, and only while one is there; MIDI is asked
 * for when the person wants it, because browsers then ask the person.
 */
import { buildGamepadAxis, buildGamepadButton, buildMidi } from "../../src/wire/ds.ts";
import type { InputSink } from "./input.ts";

/** Smaller changes of a stick are noise. */
const axisStep = 256;

export class Gamepads {
  readonly #sink: InputSink;
  readonly #axes = new Map<string, number>();
  readonly #buttons = new Map<string, number>();
  #connected = 0;

  constructor(sink: InputSink) {
    this.#sink = sink;
    addEventListener("gamepadconnected", () => {
      if (this.#connected++ === 0) requestAnimationFrame(() => this.#poll());
    });
    addEventListener("gamepaddisconnected", (event) => {
      this.#connected--;
      this.#letGo((event as GamepadEvent).gamepad.index);
    });
  }

  #poll(): void {
    if (this.#connected <= 0) return;
    requestAnimationFrame(() => this.#poll());
    if (!this.#sink.isOn() || !document.hasFocus()) return;
    for (const pad of navigator.getGamepads()) {
      if (!pad || pad.index > 255) continue;
      for (const [axis, value] of pad.axes.entries()) this.#axis(pad.index, axis, value);
      for (const [button, { value }] of pad.buttons.entries()) this.#button(pad.index, button, value);
    }
  }

  #axis(pad: number, axis: number, position: number): void {
    const value = Math.round(Math.max(-1, Math.min(1, position)) * 32_767);
    const key = `${pad} ${axis}`;
    const before = this.#axes.get(key) ?? 0;
    if (value === before || (Math.abs(value - before) < axisStep && Math.abs(value) < 32_767 && value !== 0)) return;
    this.#axes.set(key, value);
    this.#sink.send((sequence, ms) => buildGamepadAxis(sequence, ms, pad, axis, value));
  }

  #button(pad: number, button: number, pressed: number): void {
    const value = Math.round(Math.max(0, Math.min(1, pressed)) * 65_535);
    const key = `${pad} ${button}`;
    if (value === (this.#buttons.get(key) ?? 0)) return;
    this.#buttons.set(key, value);
    this.#sink.send((sequence, ms) => buildGamepadButton(sequence, ms, pad, button, value));
  }

  #letGo(index: number): void {
    const mine = (key: string) => key.startsWith(`${index} `);
    const numberOf = (key: string) => Number(key.split(" ")[1]);
    for (const key of [...this.#axes.keys()].filter(mine)) this.#axis(index, numberOf(key), 0);
    for (const key of [...this.#buttons.keys()].filter(mine)) this.#button(index, numberOf(key), 0);
  }
}

/** Sends every short MIDI message of every device. Rejects when the person or the browser says no. */
export async function startMidi(sink: InputSink): Promise<() => void> {
  const access = await navigator.requestMIDIAccess();
  const listen = (port: MIDIPort) => {
    if (port.type !== "input") return;
    (port as MIDIInput).onmidimessage = ({ data }) => {
      const [status = 0, data1 = 0, data2 = 0] = data ?? [];
      if (!sink.isOn() || status < 0x80 || status === 0xf0 || data1 > 127 || data2 > 127) return;
      sink.send((sequence, ms) => buildMidi(sequence, ms, status, data1, data2));
    };
  };
  for (const port of access.inputs.values()) listen(port);
  access.onstatechange = ({ port }) => {
    if (port?.state === "connected") listen(port);
  };
  return () => {
    access.onstatechange = null;
    for (const port of access.inputs.values()) port.onmidimessage = null;
  };
}

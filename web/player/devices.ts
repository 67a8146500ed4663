/**
 * Gamepads and MIDI devices as input events. Gamepads are polled once a display frame, and only while one is there; MIDI is asked
 * for when the person wants it, because browsers then ask the person. What is held is let go when input ends.
 */
import { buildGamepadAxis, buildGamepadButton, buildMidi } from "../../src/wire/ds.ts";
import type { InputSink } from "./input.ts";

/** Smaller changes of a stick are noise. */
const axisStep = 256;
/** The controller of MIDI that holds notes. */
const holdPedal = 64;

/** Status byte and two data bytes. */
type MidiMessage = readonly [status: number, data1: number, data2: number];

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
    addEventListener("blur", () => this.releaseAll());
  }

  /** Every stick back in its middle, every button up; what is still held comes again with the next poll. */
  releaseAll(): void {
    const held = [...this.#axes.keys(), ...this.#buttons.keys()].map((key) => Number(key.split(" ")[0]));
    for (const index of new Set(held)) this.#letGo(index);
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

/** What ends a message that begins something: a note, or the pedal that holds notes. */
function endingOf([status, data1, data2]: MidiMessage):
  | { readonly ending: MidiMessage; readonly isHeld: boolean }
  | undefined {
  const [kind, channel] = [status & 0xf0, status & 0x0f];
  if (kind === 0x80 || kind === 0x90) return { ending: [0x80 | channel, data1, 0], isHeld: kind === 0x90 && data2 > 0 };
  if (kind === 0xb0 && data1 === holdPedal) return { ending: [status, holdPedal, 0], isHeld: data2 >= 64 };
  return undefined;
}

/** Sends every short MIDI message of every device. What sounds when it is stopped, or a device goes, is ended. */
export class Midi {
  readonly #sink: InputSink;
  readonly #access: MIDIAccess;
  readonly #held = new Map<string, MidiMessage>();

  private constructor(sink: InputSink, access: MIDIAccess) {
    this.#sink = sink;
    this.#access = access;
    for (const port of access.inputs.values()) this.#listen(port);
    access.onstatechange = ({ port }) => {
      if (port?.state === "connected") this.#listen(port);
      else this.releaseAll();
    };
  }

  /** Rejects when the person or the browser says no. */
  static async start(sink: InputSink): Promise<Midi> {
    return new Midi(sink, await navigator.requestMIDIAccess());
  }

  #listen(port: MIDIPort): void {
    if (port.type !== "input") return;
    (port as MIDIInput).onmidimessage = ({ data }) => {
      const [status = 0, data1 = 0, data2 = 0] = data ?? [];
      if (!this.#sink.isOn() || status < 0x80 || status === 0xf0 || data1 > 127 || data2 > 127) return;
      const begun = endingOf([status, data1, data2]);
      if (begun?.isHeld) this.#held.set(begun.ending.join(" "), begun.ending);
      else if (begun) this.#held.delete(begun.ending.join(" "));
      this.#send([status, data1, data2]);
    };
  }

  #send([status, data1, data2]: MidiMessage): void {
    this.#sink.send((sequence, ms) => buildMidi(sequence, ms, status, data1, data2));
  }

  releaseAll(): void {
    for (const ending of this.#held.values()) this.#send(ending);
    this.#held.clear();
  }

  stop(): void {
    this.releaseAll();
    this.#access.onstatechange = null;
    for (const port of this.#access.inputs.values()) port.onmidimessage = null;
  }
}

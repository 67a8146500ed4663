/**
 * The gamepads of those who watch a channel: made when one is first used, gone when the channel's people are. Players number their
 * pads each for themselves and a channel mixes what they send, so the pads of one number are one. Nothing tells a browser to rumble.
 * Pure.
 */
import { limits } from "../base/limits.ts";
import { TokenBucket } from "../base/token-bucket.ts";
import type { InputMessage } from "../wire/ds-codec.ts";
import { DsPad } from "../wire/ds-gamepad.ts";
import { device as deviceNumber } from "../wire/root.ts";
import type { DeviceOwner, HostDevices } from "./devices.ts";

export type PadMessage = InputMessage<"gamepadAxis" | "gamepadButton">;
/** device-unavailable: no pad could be made, or all are in use. */
export type PadDrop = "input-not-permitted" | "input-rate" | "device-unavailable" | "input-unknown";

interface PadDrops {
  add(name: PadDrop): void;
}

interface Plugged {
  /** This machine's number; undefined when there is none to be had. */
  readonly device: number | undefined;
  readonly pad: DsPad;
}

export class ChannelPads {
  readonly #devices: HostDevices;
  readonly #drops: PadDrops;
  readonly #owner: DeviceOwner = { name: "a browser", rumble: () => undefined };
  readonly #budget = new TokenBucket(limits.deviceEventsPerSecond);
  readonly #plugged = new Map<number, Plugged>();
  /** Events that were injected. */
  passed = 0;

  constructor(devices: HostDevices, drops: PadDrops) {
    this.#devices = devices;
    this.#drops = drops;
  }

  receive(isPermitted: boolean, message: PadMessage, nowUs: number): void {
    if (!isPermitted) {
      this.#drops.add("input-not-permitted");
      return;
    }
    const { device, pad } = this.#plug(message.fields.pad);
    if (device === undefined) {
      this.#drops.add("device-unavailable");
      return;
    }
    if (!this.#budget.take(nowUs)) {
      this.#drops.add("input-rate");
      this.#devices.release(this.#owner, device);
      pad.rest();
      return;
    }
    const isKnown = pad.translate(message, (type, code, value) => this.#devices.inject(device, type, code, value));
    if (!isKnown) {
      this.#drops.add("input-unknown");
      return;
    }
    this.passed++;
    this.#devices.inject(device, 0, 0, 0);
  }

  #plug(number: number): Plugged {
    const known = this.#plugged.get(number);
    if (known) return known;
    const result = this.#devices.plug(this.#owner, deviceNumber.pad1, `Gamepad ${number + 1} of a browser`);
    const plugged = { device: "device" in result ? result.device : undefined, pad: new DsPad() };
    // What cannot be had now is asked for again when the channel's people have changed.
    this.#plugged.set(number, plugged);
    return plugged;
  }

  /** Unplugs all of them. Idempotent. */
  close(): void {
    for (const { device } of this.#plugged.values())
      if (device !== undefined) this.#devices.unplug(this.#owner, device);
    this.#plugged.clear();
  }
}

/**
 * The devices of one client: plugged when it says so and may, fed with its events within its share of events a second, at rest
 * when it loses the focus, gone when it leaves or may no longer. It answers every plug. Pure.
 */
import { limits } from "../base/limits.ts";
import { TokenBucket } from "../base/token-bucket.ts";
import { nameOf } from "../wire/device-input.ts";
import { deviceAction, deviceInput, deviceInputLayout, deviceState, input, inputLayout } from "../wire/root.ts";
import type { DeviceOwner, HostDevices } from "./devices.ts";

export type DeviceDrop = "input-not-permitted" | "input-rate" | "device-unplugged" | "device-busy";

interface Drops {
  add(name: DeviceDrop): void;
}

export interface DeviceNews {
  /** What became of the client's device, a number of deviceState. */
  answer(device: number, state: number, nowUs: number): void;
}

export class ViewerDevices {
  readonly #devices: HostDevices;
  readonly #owner: DeviceOwner;
  readonly #news: DeviceNews;
  readonly #drops: Drops;
  readonly #budget = new TokenBucket(limits.deviceEventsPerSecond);
  /** This machine's numbers by the client's. */
  readonly #plugged = new Map<number, number>();
  /** Events that were injected. */
  passed = 0;

  constructor(devices: HostDevices, owner: DeviceOwner, news: DeviceNews, drops: Drops) {
    this.#devices = devices;
    this.#owner = owner;
    this.#news = news;
    this.#drops = drops;
  }

  /** A checked DEVICE INPUT payload. */
  receive(isPermitted: boolean, view: DataView, at: number, size: number, nowUs: number): void {
    const number = deviceInput.device(view, at);
    if (!isPermitted) {
      this.#drops.add("input-not-permitted");
      return;
    }
    switch (deviceInput.action(view, at)) {
      case deviceAction.plug:
        this.#plug(number, nameOf(view, at, size) ?? "", nowUs);
        return;
      case deviceAction.unplug:
        this.#unplug(number);
        return;
      default:
        this.#events(number, view, at + deviceInputLayout.bytes, at + size, nowUs);
    }
  }

  #plug(number: number, name: string, nowUs: number): void {
    const known = this.#plugged.has(number);
    const result = known ? undefined : this.#devices.plug(this.#owner, number, name);
    if (result && "device" in result) this.#plugged.set(number, result.device);
    this.#news.answer(number, result && "state" in result ? result.state : deviceState.ready, nowUs);
  }

  #unplug(number: number): void {
    const device = this.#plugged.get(number);
    if (device === undefined) return;
    this.#plugged.delete(number);
    this.#devices.unplug(this.#owner, device);
  }

  /** A packet is a group. One that is too much is dropped whole, and the device brought to rest, so that nothing sticks. */
  #events(number: number, view: DataView, start: number, end: number, nowUs: number): void {
    const device = this.#plugged.get(number);
    if (device === undefined) {
      this.#drops.add("device-unplugged");
      return;
    }
    if (!this.#devices.take(this.#owner, device)) {
      this.#drops.add("device-busy");
      return;
    }
    let isWithin = true;
    for (let at = start; at < end; at += inputLayout.bytes) isWithin = this.#budget.take(nowUs) && isWithin;
    if (!isWithin) {
      this.#drops.add("input-rate");
      this.#devices.release(this.#owner, device);
      return;
    }
    for (let at = start; at < end; at += inputLayout.bytes) {
      this.passed++;
      this.#devices.inject(device, input.type(view, at), input.code(view, at), input.value(view, at));
    }
    this.#devices.inject(device, 0, 0, 0);
  }

  /** Brings all of them to rest. */
  release(): void {
    for (const device of this.#plugged.values()) this.#devices.release(this.#owner, device);
  }

  /** Unplugs all of them. Idempotent. */
  close(): void {
    for (const number of [...this.#plugged.keys()]) this.#unplug(number);
  }
}

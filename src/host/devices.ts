/**
 * The host's gamepads, touch screen and pen: which client's device is which of this machine's, what is held on each, and the way
 * back for rumble. There are four pads for all clients; touch screen and pen are shared, and whoever touches has them. Pure: it
 * makes no device itself, and time comes as an argument.
 */
import { limits } from "../base/limits.ts";
import type { Result } from "../base/result.ts";
import { device as deviceNumber, deviceState } from "../wire/root.ts";
import { HeldDevice } from "./held-device.ts";

export interface DeviceOutbox {
  /** Makes the device, for as long as it is plugged. A failure is a sentence for the owner. */
  plug(device: number, name: string): Result<void>;
  unplug(device: number): void;
  /** Type 0 ends a group. */
  injectTo(device: number, type: number, code: number, value: number): void;
}

/** Whoever brings devices: a client, or a browser. */
export interface DeviceOwner {
  readonly name: string;
  /** Its own number of a pad. */
  rumble(device: number, strong: number, weak: number, durationMs: number, keep: boolean, nowUs: number): void;
}

/** What a pad is to do, and what its owner was told of it. */
interface Motors {
  strong: number;
  weak: number;
  durationMs: number;
  toldUs: number;
  /** Not told yet, or told but not so that it must arrive. */
  isNew: boolean;
  isUnsettled: boolean;
}

interface Place {
  readonly held: HeldDevice;
  /** Pads have one owner; touch screen and pen any number, of whom one holds it. */
  readonly owners: Map<DeviceOwner, number>;
  holder: DeviceOwner | undefined;
  motors: Motors | undefined;
}

const isPad = (device: number): boolean => device <= deviceNumber.pad4;

export class HostDevices {
  readonly #outbox: DeviceOutbox;
  readonly #places = new Map<number, Place>();
  /** Lamps of the keyboard, bits of lockKey; undefined where nobody can say. */
  lockKeys: number | undefined;
  /** Why the last device could not be made. */
  #failure: string | undefined;

  constructor(outbox: DeviceOutbox) {
    this.#outbox = outbox;
  }

  get failure(): string | undefined {
    return this.#failure;
  }

  /** Names of those who have pads, by pad. */
  get pads(): readonly { readonly pad: number; readonly owner: string }[] {
    return [...this.#places].flatMap(([pad, { holder }]) =>
      isPad(pad) && holder ? [{ pad, owner: holder.name }] : [],
    );
  }

  /** This machine's number for an owner's device, or a deviceState that says why there is none. */
  plug(owner: DeviceOwner, number: number, name: string): { readonly device: number } | { readonly state: number } {
    const device = isPad(number) ? this.#freePad() : number;
    if (device === undefined) return { state: deviceState.full };
    let place = this.#places.get(device);
    if (!place) {
      const made = this.#outbox.plug(device, name);
      this.#failure = made.ok ? undefined : made.message;
      if (!made.ok) return { state: deviceState.unavailable };
      place = { held: new HeldDevice(device), owners: new Map(), holder: undefined, motors: undefined };
      this.#places.set(device, place);
    }
    place.owners.set(owner, number);
    place.holder ??= owner;
    return { device };
  }

  #freePad(): number | undefined {
    for (let pad: number = deviceNumber.pad1; pad <= deviceNumber.pad4; pad++) if (!this.#places.has(pad)) return pad;
    return undefined;
  }

  /** False while somebody else holds it. */
  take(owner: DeviceOwner, device: number): boolean {
    const place = this.#places.get(device);
    if (!place?.owners.has(owner)) return false;
    if (place.holder !== owner && place.held.isHeld) return false;
    place.holder = owner;
    return true;
  }

  /** One event of a device that was taken; type 0 ends the group. */
  inject(device: number, type: number, code: number, value: number): void {
    this.#places.get(device)?.held.note(type, code, value);
    this.#outbox.injectTo(device, type, code, value);
  }

  /** Brings the device to rest, if the owner holds it. */
  release(owner: DeviceOwner, device: number): void {
    const place = this.#places.get(device);
    if (place?.holder !== owner || !place.held.isHeld) return;
    place.held.release((type, code, value) => this.#outbox.injectTo(device, type, code, value));
    this.#outbox.injectTo(device, 0, 0, 0);
  }

  /** The last owner's leaving ends the device. */
  unplug(owner: DeviceOwner, device: number): void {
    const place = this.#places.get(device);
    if (!place?.owners.has(owner)) return;
    this.release(owner, device);
    place.owners.delete(owner);
    if (place.holder === owner) place.holder = undefined;
    if (place.owners.size > 0) return;
    this.#places.delete(device);
    this.#outbox.unplug(device);
  }

  /** The machine wants a pad to rumble. Told at once when the last news is old enough, else with the next tick. */
  rumble(device: number, strong: number, weak: number, durationMs: number, nowUs: number): void {
    const place = this.#places.get(device);
    if (!place) return;
    const toldUs = place.motors?.toldUs ?? Number.NEGATIVE_INFINITY;
    place.motors = { strong, weak, durationMs, toldUs, isNew: true, isUnsettled: true };
    this.#tell(place, nowUs);
  }

  tick(nowUs: number): void {
    for (const place of this.#places.values()) if (place.motors?.isUnsettled) this.#tell(place, nowUs);
  }

  /** News goes once and soon; what has stayed for a while, so that it arrives. */
  #tell(place: Place, nowUs: number): void {
    const { motors, holder } = place;
    if (!motors || !holder) return;
    const wait = motors.isNew ? limits.rumbleIntervalUs : limits.deviceSettleUs;
    if (nowUs - motors.toldUs < wait) return;
    const keep = !motors.isNew;
    // What is left of it by now.
    const durationMs = keep
      ? Math.max(0, motors.durationMs - Math.floor((nowUs - motors.toldUs) / 1000))
      : motors.durationMs;
    motors.isNew = false;
    motors.isUnsettled = !keep;
    if (!keep) motors.toldUs = nowUs;
    holder.rumble(place.owners.get(holder) ?? 0, motors.strong, motors.weak, durationMs, keep, nowUs);
  }
}

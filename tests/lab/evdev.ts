/**
 * Input devices of the guest as programs see them: found by name, read as whole groups of events. Knows nothing of Patchbay.
 */
import { closeSync, constants, openSync, readFileSync, readSync } from "node:fs";
import { atEnd, eventually } from "../e2e/processes.ts";

/** struct input_event of a 64-bit kernel. */
const eventBytes = 24;

export interface Found {
  readonly name: string;
  readonly node: string;
  readonly vendor: string;
  readonly product: string;
}

/** What the kernel lists now. */
export function inputDevices(): Found[] {
  return readFileSync("/proc/bus/input/devices", "utf8")
    .split("\n\n")
    .flatMap((text) => {
      const [, vendor = "", product = ""] = /Vendor=(\w+) Product=(\w+)/.exec(text) ?? [];
      const name = /^N: Name="(.*)"$/m.exec(text)?.[1];
      const event = /^H: Handlers=.*\b(event\d+)/m.exec(text)?.[1];
      return name && event ? [{ name, node: `/dev/input/${event}`, vendor, product }] : [];
    });
}

export const findDevice = (name: string): Promise<Found> =>
  eventually(`a device "${name}"`, async () => inputDevices().find((device) => device.name === name));

/** An open device. Groups are "type code value" each, without the EV_SYN that ends them. */
export class EventNode {
  readonly groups: string[][] = [];
  readonly #fd: number;
  readonly #buffer = new Uint8Array(eventBytes * 64);
  #group: string[] = [];
  isGone = false;

  constructor(node: string) {
    this.#fd = openSync(node, constants.O_RDONLY | constants.O_NONBLOCK);
    atEnd(() => closeSync(this.#fd));
  }

  static async open(name: string): Promise<EventNode> {
    return new EventNode((await findDevice(name)).node);
  }

  #read(): void {
    const view = new DataView(this.#buffer.buffer);
    for (;;) {
      let size: number;
      try {
        size = readSync(this.#fd, this.#buffer);
      } catch (fault) {
        const code = (fault as NodeJS.ErrnoException).code;
        if (code === "ENODEV") this.isGone = true;
        else if (code !== "EAGAIN") throw fault;
        return;
      }
      for (let at = 0; at < size; at += eventBytes) {
        const [type, code, value] = [
          view.getUint16(at + 16, true),
          view.getUint16(at + 18, true),
          view.getInt32(at + 20, true),
        ];
        // The kernel repeats a held key by itself, with a time of its own.
        if (type === 1 && value === 2) continue;
        if (type !== 0) this.#group.push(`${type} ${code} ${value}`);
        else if (code === 3) throw new Error("the kernel dropped events");
        else if (this.#group.length > 0) {
          this.groups.push(this.#group);
          this.#group = [];
        }
      }
    }
  }

  /** Everything that has come, once there are `count` groups. */
  async take(count: number): Promise<string[][]> {
    try {
      await eventually(`${count} groups of events`, async () => {
        this.#read();
        return this.groups.length >= count;
      });
    } catch (cause) {
      throw new Error(`there are ${JSON.stringify(this.groups)}`, { cause });
    }
    return this.groups.splice(0);
  }

  async gone(): Promise<string[][]> {
    await eventually("the end of the device", async () => {
      this.#read();
      return this.isGone;
    });
    return this.groups.splice(0);
  }
}

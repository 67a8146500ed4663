/**
 * What `patchbay doctor` says of the machine beyond the backends: limits of the kernel that lose packets or pictures, rights on
 * device nodes, and the capability that screens of the kernel need. It reads /proc, /dev and /etc through a Machine, so that tests
 * make up others; it changes nothing. How /proc/self/status tells capabilities: capabilities(7), bit 21.
 */
import { accessSync, constants, readdirSync, readFileSync, statfsSync, statSync } from "node:fs";
import { openUdp } from "../../ffi/udp.ts";
import { limits } from "../base/limits.ts";

export interface Check {
  readonly name: string;
  /** ok: works. no: does not, and need not. poor: works, but not as it should. */
  readonly state: "ok" | "no" | "poor";
  readonly detail: string;
  /** The line that gets what is missing, where the detail does not hold it. */
  readonly remedy?: string;
}

export interface DeviceNode {
  readonly path: string;
  readonly mayUse: boolean;
  readonly group: number;
}

export interface Machine {
  /** A file's text; undefined when it cannot be read. */
  text(path: string): string | undefined;
  /** Sizes of a file system in bytes; undefined when there is none. */
  /** Bytes granted to a new UDP socket that asks for as much as ours do. */
  receiveBuffer(): number | undefined;
  space(path: string): { readonly total: number; readonly free: number } | undefined;
  /** What lies in `folder` under names of this form. */
  nodes(folder: string, name: RegExp): readonly DeviceNode[];
  /** What a person would type to run this program. */
  readonly program: string;
  readonly user: string;
}

/** Pictures and messages that a host with a few local programs keeps there. */
const wantedShmBytes = 256 * 1024 * 1024;
const sysAdmin = 21n;
const mib = (bytes: number): string => `${Math.round(bytes / 1024 / 1024)} MiB`;

function has(machine: Machine, bit: bigint): boolean {
  const set = /^CapEff:\s*([0-9a-f]+)$/m.exec(machine.text("/proc/self/status") ?? "")?.[1];
  return set !== undefined && ((BigInt(`0x${set}`) >> bit) & 1n) === 1n;
}

function receiveBuffer(machine: Machine): Check {
  const name = "UDP buffer";
  const granted = machine.receiveBuffer();
  const wanted = limits.socketBufferBytes;
  if (granted === undefined) return { name, state: "no", detail: "no UDP socket can be opened" };
  if (granted >= wanted) return { name, state: "ok", detail: `${mib(granted)} granted` };
  return {
    name,
    state: "poor",
    detail: `the kernel grants ${Math.round(granted / 1024)} KiB, and large frames lose packets below ${mib(wanted)}`,
    remedy: `echo net.core.rmem_max=${wanted} | sudo tee /etc/sysctl.d/90-patchbay.conf && sudo sysctl --system`,
  };
}

function sharedMemory(machine: Machine): Check {
  const name = "/dev/shm";
  const space = machine.space("/dev/shm");
  if (!space) {
    const remedy = "sudo mount -t tmpfs tmpfs /dev/shm";
    return { name, state: "poor", detail: "there is none, so local programs get no pictures", remedy };
  }
  if (space.total >= wantedShmBytes)
    return { name, state: "ok", detail: `${mib(space.total)}, ${mib(space.free)} free` };
  return {
    name,
    state: "poor",
    detail: `${mib(space.total)}: large pictures for local programs do not fit`,
    remedy: `sudo mount -o remount,size=${mib(wantedShmBytes).replace(" MiB", "M")} /dev/shm (a container: --shm-size)`,
  };
}

const deviceKinds = [
  { name: "GPU", folder: "/dev/dri", form: /^renderD\d+$/, use: "hardware encoding and decoding" },
  { name: "screens", folder: "/dev/dri", form: /^card\d+$/, use: "--capture drm" },
  { name: "cameras", folder: "/dev", form: /^video\d+$/, use: "--capture camera" },
  { name: "sound cards", folder: "/dev/snd", form: /^(pcm|control)C/, use: "ALSA" },
  { name: "input", folder: "/dev", form: /^uinput$/, use: "--input uinput" },
] as const;

function groupName(machine: Machine, id: number): string {
  const line = (machine.text("/etc/group") ?? "").split("\n").find((one) => one.split(":")[2] === String(id));
  return line?.split(":")[0] ?? "root";
}

function rights(machine: Machine): Check[] {
  return deviceKinds.flatMap(({ name, folder, form, use }): Check[] => {
    const nodes = machine.nodes(folder, form);
    if (nodes.length === 0) return [];
    const shut = nodes.find(({ mayUse }) => !mayUse);
    if (!shut) return [{ name, state: "ok", detail: `${nodes.map(({ path }) => path).join(", ")} may be used` }];
    const group = groupName(machine, shut.group);
    const remedy =
      group === "root"
        ? `echo 'KERNEL=="${shut.path.slice(5)}", GROUP="input", MODE="0660"' | sudo tee /etc/udev/rules.d/90-patchbay.rules && ` +
          `sudo usermod -aG input ${machine.user}, then restart`
        : `sudo usermod -aG ${group} ${machine.user}, then log in again`;
    return [{ name, state: "poor", detail: `${shut.path} is there but may not be used, as ${use} wants`, remedy }];
  });
}

/** Reading the screens of others is for those who administer the system. */
function screenRight(machine: Machine): Check[] {
  if (machine.nodes("/dev/dri", /^card\d+$/).length === 0) return [];
  const name = "CAP_SYS_ADMIN";
  if (has(machine, sysAdmin)) return [{ name, state: "ok", detail: "screens of the kernel can be captured" }];
  return [
    {
      name,
      state: "poor",
      detail: "without it --capture drm sees no picture",
      remedy: `sudo setcap cap_sys_admin+ep ${machine.program}`,
    },
  ];
}

function openFiles(machine: Machine): Check {
  const name = "open files";
  const most = Number(/^Max open files\s+(\d+)/m.exec(machine.text("/proc/self/limits") ?? "")?.[1] ?? Number.NaN);
  if (!(most < 1024)) return { name, state: "ok", detail: Number.isNaN(most) ? "no limit is known" : `up to ${most}` };
  return { name, state: "poor", detail: `at most ${most}, which limits a relay`, remedy: "ulimit -n 4096" };
}

export function machineChecks(machine: Machine): Check[] {
  return [
    receiveBuffer(machine),
    sharedMemory(machine),
    openFiles(machine),
    ...rights(machine),
    ...screenRight(machine),
  ];
}

const attempt = <T>(work: () => T): T | undefined => {
  try {
    return work();
  } catch (cause) {
    if (cause instanceof Error && "code" in cause) return undefined;
    throw cause;
  }
};

/** The one that this process runs on. */
export const thisMachine: Machine = {
  receiveBuffer: () => {
    const socket = openUdp({ address: "127.0.0.1", port: 0 }, () => undefined);
    if (!socket.ok) return undefined;
    const { bufferBytes } = socket.value;
    socket.value.close();
    return bufferBytes;
  },
  text: (path) => attempt(() => readFileSync(path, "utf8")),
  space: (path) =>
    attempt(() => {
      const { blocks, bavail, bsize } = statfsSync(path);
      return { total: blocks * bsize, free: bavail * bsize };
    }),
  nodes: (folder, name) =>
    (attempt(() => readdirSync(folder)) ?? [])
      .filter((entry) => name.test(entry))
      .sort()
      .map((entry) => {
        const path = `${folder}/${entry}`;
        const mayUse = attempt(() => accessSync(path, constants.R_OK | constants.W_OK) ?? true) ?? false;
        return { path, mayUse, group: attempt(() => statSync(path).gid) ?? 0 };
      }),
  program: process.execPath,
  user: process.env.USER || process.env.LOGNAME || "$USER",
};

import { expect, test } from "bun:test";
import { type Check, type DeviceNode, type Machine, machineChecks, thisMachine } from "./doctor-machine.ts";

const plenty = { total: 2 ** 30, free: 2 ** 29 };

/** A machine on which everything is well, but for what is given. */
function machine(other: Partial<Machine> & { files?: Record<string, string>; devices?: DeviceNode[] } = {}): Machine {
  const files: Record<string, string> = {
    "/etc/group": "root:x:0:\nvideo:x:44:ann\nrender:x:105:\n",
    "/proc/self/limits":
      "Limit  Soft Limit\nMax open files            20000                20000                files\n",
    "/proc/self/status": "Name:\tpatchbay\nCapEff:\t0000000000000000\n",
    ...other.files,
  };
  return {
    text: (path) => files[path],
    receiveBuffer: () => 8 * 1024 * 1024,
    space: () => plenty,
    nodes: (folder, name) =>
      (other.devices ?? []).filter(
        ({ path }) => path.startsWith(`${folder}/`) && name.test(path.slice(folder.length + 1)),
      ),
    program: "/usr/local/bin/patchbay",
    user: "ann",
    ...other,
  };
}

const named = (checks: readonly Check[], name: string): Check | undefined =>
  checks.find((check) => check.name === name);

test("a machine that lacks nothing gets no advice", () => {
  for (const { state, remedy } of machineChecks(machine())) expect({ state, remedy }).toEqual({ state: "ok" } as never);
});

test("each limit that loses something comes with the line that lifts it", () => {
  const tight = machine({
    receiveBuffer: () => 212_992,
    space: () => ({ total: 64 * 1024 * 1024, free: 0 }),
    files: { "/proc/self/limits": "Max open files            256                256                files" },
  });
  const checks = machineChecks(tight);
  expect(checks.map(({ state }) => state)).toEqual(["poor", "poor", "poor"]);
  expect(named(checks, "UDP buffer")?.detail).toContain("208 KiB");
  expect(named(checks, "UDP buffer")?.remedy).toContain("net.core.rmem_max=8388608");
  expect(named(checks, "/dev/shm")?.remedy).toContain("mount -o remount,size=256M /dev/shm");
  expect(named(checks, "open files")?.remedy).toContain("ulimit -n");
  const none = machineChecks(machine({ space: () => undefined, receiveBuffer: () => undefined }));
  expect(named(none, "/dev/shm")?.remedy).toContain("mount -t tmpfs");
  expect(named(none, "UDP buffer")?.state).toBe("no");
});

test("a device that may not be used names the group to join, and the right that screens need", () => {
  const devices = [
    { path: "/dev/dri/renderD128", mayUse: false, group: 105 },
    { path: "/dev/dri/card0", mayUse: true, group: 44 },
    { path: "/dev/video0", mayUse: true, group: 44 },
    { path: "/dev/video1", mayUse: false, group: 44 },
    { path: "/dev/uinput", mayUse: false, group: 0 },
  ];
  const checks = machineChecks(machine({ devices }));
  expect(named(checks, "GPU")?.remedy).toBe("sudo usermod -aG render ann, then log in again");
  expect(named(checks, "screens")?.state).toBe("ok");
  expect(named(checks, "cameras")?.detail).toContain("/dev/video1");
  expect(named(checks, "input")?.remedy).toContain('KERNEL=="uinput"');
  expect(named(checks, "sound cards")).toBeUndefined();
  expect(named(checks, "CAP_SYS_ADMIN")?.remedy).toBe("sudo setcap cap_sys_admin+ep /usr/local/bin/patchbay");
  const able = machine({ devices, files: { "/proc/self/status": "CapEff:\t0000000000200000\n" } });
  expect(named(machineChecks(able), "CAP_SYS_ADMIN")?.state).toBe("ok");
});

test("this machine can be looked at", () => {
  expect(machineChecks(thisMachine).map(({ name }) => name)).toContain("UDP buffer");
  expect(thisMachine.nodes("/dev", /^null$/)).toMatchObject([{ path: "/dev/null", mayUse: true }]);
  expect(thisMachine.text("/nowhere")).toBeUndefined();
});

/**
 * One run of the lab's guest: boots the kernel under emulation (no hardware help, no network but its own loopback) with virtual
 * displays, cameras, sound and input devices, runs one shell command in it as root and hands back what it printed. About
 * three seconds until the command starts. The guest sees the project and the machine's programs read-only.
 */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import type { Kernel } from "./kernel.ts";

export interface Guest {
  /** As modprobe takes them, parameters behind colons: "vkms:enable_cursor=0". */
  readonly modules: readonly string[];
  /** Emulated graphics cards; their drivers are loaded first, so that they are card0 and on. */
  readonly gpus: readonly string[];
  /**
   * "real": time is the machine's. "virtual": time passes with the instructions that are run, so that whatever else the
   * machine does, nothing comes late; on one processor, and a third slower.
   */
  readonly clock: "real" | "virtual";
  readonly command: string;
  readonly limitSeconds: number;
}

export interface GuestOutcome {
  /** The command's exit status; undefined when the guest died or its time was over. */
  readonly status: number | undefined;
  readonly out: string;
  readonly err: string;
  /** Modules that did not load, or why the guest died, with the end of its console. */
  readonly complaint: string;
}

const cards: Record<string, { device: string; module: string }> = {
  bochs: { device: "VGA,vgamem_mb=64", module: "bochs" },
  virtio: { device: "virtio-gpu-pci,xres=1024,yres=768", module: "virtio-gpu" },
};

const clocks = {
  real: ["-accel", "tcg,thread=multi,tb-size=512", "-smp", "2"],
  virtual: ["-accel", "tcg,thread=single,tb-size=512", "-smp", "1", "-icount", "shift=1"],
} as const;

/** What every guest has unless it says otherwise: cards, and modules. */
export const defaultGpus = ["virtio"] as const;
export const defaultModules = [
  "vkms",
  "vivid:n_devs=2:multiplanar=1,2",
  "v4l2loopback:video_nr=10:exclusive_caps=1:card_label=LabCam",
  "uinput",
  "evdev",
  "joydev",
  "uhid",
  "snd-aloop:pcm_substreams=2",
  "snd-dummy",
] as const;

const readIfThere = (path: string): string => (existsSync(path) ? readFileSync(path, "utf8") : "");

function share(tag: string, path: string, mode: string): string[] {
  const folder = `local,id=${tag},path=${path},security_model=none,multidevs=remap${mode}`;
  return ["-fsdev", folder, "-device", `virtio-9p-pci,fsdev=${tag},mount_tag=${tag}`];
}

function arguments_({ kernel, ramdisk }: Kernel, guest: Guest, work: string): string[] {
  const gpus = guest.gpus.map((name) => cards[name]?.device ?? "").filter(Boolean);
  return [
    ...["-M", "pc", "-cpu", "max", "-m", "1024", ...clocks[guest.clock]],
    ...["-nodefaults", "-no-user-config", "-display", "none", "-no-reboot"],
    ...["-kernel", kernel, "-initrd", ramdisk],
    ...["-append", "console=ttyS0 panic=-1 quiet mitigations=off nokaslr no_timer_check"],
    ...["-serial", `file:${work}/console`, "-device", "virtio-rng-pci", "-device", "virtio-serial-pci"],
    ...["-chardev", `file,id=co,path=${work}/stdout`, "-device", "virtserialport,chardev=co,name=out"],
    ...["-chardev", `file,id=ce,path=${work}/stderr`, "-device", "virtserialport,chardev=ce,name=err"],
    ...gpus.flatMap((device) => ["-device", device]),
    ...share("usr", "/usr", ",readonly=on"),
    ...share("etc", "/etc", ",readonly=on"),
    ...share("host", resolve("."), ",readonly=on"),
    ...share("out", join(work, "out"), ""),
  ];
}

export async function boot(kernel: Kernel, guest: Guest): Promise<GuestOutcome> {
  const work = mkdtempSync(join(tmpdir(), "patchbay-lab-"));
  try {
    const notes = join(work, "out/.lab");
    mkdirSync(notes, { recursive: true });
    const drivers = guest.gpus.map((name) => cards[name]?.module ?? name);
    writeFileSync(join(notes, "modules"), `${[...drivers, ...guest.modules].join("\n")}\n`);
    writeFileSync(join(notes, "command"), guest.command);
    writeFileSync(join(notes, "patience"), `${guest.limitSeconds - 15}`);
    for (const stream of ["stdout", "stderr"]) writeFileSync(join(work, stream), "");
    const emulator = Bun.spawn(["qemu-system-x86_64", ...arguments_(kernel, guest, work)], {
      stdin: "ignore",
      stdout: "pipe",
      stderr: "pipe",
      timeout: guest.limitSeconds * 1000,
      killSignal: "SIGKILL",
    });
    const said = Promise.all([new Response(emulator.stdout).text(), new Response(emulator.stderr).text()]);
    await emulator.exited;
    const out = readIfThere(join(work, "stdout"));
    const err = readIfThere(join(work, "stderr"));
    const left = readIfThere(join(notes, "status")).trim();
    const status = /^\d+$/.test(left) ? Number(left) : undefined;
    const console_ = readIfThere(join(work, "console")).split("\n").slice(-30).join("\n");
    const why =
      emulator.signalCode === null
        ? `the guest died (emulator status ${emulator.exitCode})\n${(await said).join("")}${console_}`
        : `the guest was not done after ${guest.limitSeconds} s\n${readIfThere(join(notes, "stuck"))}${console_}`;
    const complaint = readIfThere(join(notes, "warnings")) + (status === undefined ? why : "");
    return { status, out, err, complaint };
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/**
 * Makes the lab's kernel ready, once a machine: Debian's packaged kernel, unpacked and not installed, with the modules that the
 * tests want and two that Debian does not build (vkms from the kernel's own source, v4l2loopback from its package), in an
 * initial ramdisk. Kept in the user's cache folder; made anew when anything that it is made from changes. It never touches
 * the running machine's kernel.
 */
import { cpSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { cacheFolder, capture, must, StepFailed } from "../../.ci/steps.ts";

/** What tests/lab/*.lab.ts may ask for; dependencies come by themselves. */
const modules = [
  ...["virtio_pci", "9p", "9pnet_virtio", "virtio_console", "virtio-rng"],
  ...["bochs", "virtio-gpu", "vkms", "vivid", "v4l2loopback"],
  ...["uinput", "evdev", "joydev", "uhid", "snd-aloop", "snd-dummy"],
];
/** Debian 12's; the source must be that of the kernel. */
const kernelPackage = "linux-image-amd64";
const sourcePackage = "linux-source-6.1";

const tools = {
  "qemu-system-x86_64": "qemu-system-x86",
  busybox: "busybox-static",
  cpio: "cpio",
  modprobe: "kmod",
  make: "make",
  gcc: "gcc",
  xz: "xz-utils",
} as const;

export interface Kernel {
  readonly kernel: string;
  readonly ramdisk: string;
}

/** The lab cannot be had on this machine, for a reason that is no fault of the project. */
export class NoLab extends Error {}

const cache = join(cacheFolder, "lab");
const patient = ["-o", "DPkg::Lock::Timeout=300"];
const environment = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
const apt = (...args: string[]) => capture(["apt-get", ...patient, ...args], { env: environment });

const isFile = (name: string): string => Bun.which(name) ?? (existsSync(`/sbin/${name}`) ? `/sbin/${name}` : "");

async function install(packages: string[]): Promise<void> {
  if (packages.length === 0) return;
  if (process.getuid?.() !== 0) throw new NoLab(`missing packages: sudo apt-get install ${packages.join(" ")}`);
  const wanted = ["install", "-y", "--no-install-recommends", ...packages];
  if ((await apt(...wanted)).status === 0) return;
  await apt("update", "-q");
  const { status, err } = await apt(...wanted);
  if (status !== 0) throw new NoLab(`these packages cannot be installed: ${packages.join(" ")}\n${err.trim()}`);
}

/** The name of the newest kernel's package, such as linux-image-6.1.0-40-amd64. */
async function newestKernel(): Promise<string> {
  for (const refresh of [false, true]) {
    if (refresh) await apt("update", "-q");
    const { out } = await capture(["apt-cache", "depends", kernelPackage]);
    const found = /Depends: (linux-image-\S+)/.exec(out);
    if (found?.[1]) return found[1];
  }
  throw new NoLab(`apt knows no ${kernelPackage}; the lab is made from Debian 12's kernel`);
}

async function download(folder: string, packages: string[]): Promise<void> {
  mkdirSync(folder, { recursive: true });
  const { status, err } = await capture(["apt-get", "-q", "download", ...packages], { cwd: folder, env: environment });
  if (status !== 0) throw new NoLab(`cannot download ${packages.join(" ")}: ${err.trim()}`);
}

/**
 * The kernel as the emulator enters it fastest, uncompressed: unpacking under emulation takes 5 s a boot. By the x86 boot
 * protocol, the size of the set-up code in sectors stands at 0x1f1, the payload's offset and size at 0x248.
 */
async function unpackKernel(image: string, out: string): Promise<void> {
  const bytes = readFileSync(image);
  const begin = ((bytes[0x1f1] ?? 0) + 1) * 512 + bytes.readUInt32LE(0x248);
  writeFileSync(`${out}.xz`, bytes.subarray(begin, begin + bytes.readUInt32LE(0x24c)));
  await must(["sh", "-c", 'xz -dc --single-stream <"$1.xz" >"$1"', "sh", out]);
  rmSync(`${out}.xz`);
}

async function compileModules(work: string, kernelTree: string, version: string): Promise<void> {
  const source = `${sourcePackage}/drivers/gpu/drm/vkms`;
  mkdirSync(join(work, "source"), { recursive: true });
  const unpack =
    'dpkg --fsys-tarfile "$1"/' +
    `${sourcePackage}_*.deb | tar -xO ./usr/src/${sourcePackage}.tar.xz | tar -xJ -C "$2" --wildcards "${source}/*"`;
  await must(["bash", "-o", "pipefail", "-c", unpack, "bash", join(work, "packages"), join(work, "source")]);
  await must([
    "sh",
    "-c",
    'dpkg -x "$1"/v4l2loopback-dkms_*.deb "$2"',
    "sh",
    join(work, "packages"),
    join(work, "source"),
  ]);
  const [loopback] = [
    ...new Bun.Glob("usr/src/v4l2loopback-*").scanSync({ cwd: join(work, "source"), onlyFiles: false }),
  ];
  const target = join(kernelTree, "lib/modules", version, "extra");
  mkdirSync(target, { recursive: true });
  for (const folder of [join(work, "source", source), join(work, "source", loopback ?? "")]) {
    await must([
      "make",
      "-j2",
      "-C",
      `/usr/src/linux-headers-${version}`,
      `M=${folder}`,
      "CONFIG_DRM_VKMS=m",
      "modules",
    ]);
    for (const module of new Bun.Glob("*.ko").scanSync(folder)) {
      await must(["strip", "--strip-debug", join(folder, module)]);
      cpSync(join(folder, module), join(target, module));
    }
  }
}

async function packRamdisk(work: string, kernelTree: string, version: string, out: string): Promise<void> {
  const root = join(work, "root");
  const folder = join(root, "mods", version);
  for (const name of ["bb", "proc", "sys", "dev", "usr", "etc", "host", "out", "tmp", "run", "root"])
    mkdirSync(join(root, name), { recursive: true });
  mkdirSync(folder, { recursive: true });
  const files = new Set<string>();
  for (const name of modules) {
    const { out } = await must([isFile("modprobe"), "-d", kernelTree, "-S", version, "--show-depends", name]);
    for (const found of out.matchAll(/^insmod (\S+)/gm)) files.add(found[1] ?? "");
  }
  for (const file of files) {
    const copy = join(folder, basename(file));
    cpSync(file, copy);
    if (copy.endsWith(".xz")) await must(["xz", "-d", copy]);
  }
  for (const list of ["modules.builtin", "modules.builtin.modinfo", "modules.order"])
    cpSync(join(kernelTree, "lib/modules", version, list), join(folder, list));
  // depmod wants /lib/modules; in the guest that is a link to here.
  mkdirSync(join(root, "lib/modules"), { recursive: true });
  renameSync(folder, join(root, "lib/modules", version));
  await must([isFile("depmod"), "-b", root, version]);
  renameSync(join(root, "lib/modules", version), folder);
  rmSync(join(root, "lib"), { recursive: true });
  cpSync(isFile("busybox"), join(root, "bb/busybox"));
  cpSync(join(import.meta.dir, "init.sh"), join(root, "init"));
  await must(["chmod", "755", join(root, "init")]);
  await must(["sh", "-c", 'cd "$1" && find . | cpio -o -H newc --quiet >"$2"', "sh", root, out]);
}

/** Everything that the result is made from. */
const stamp = (): string =>
  Bun.hash(
    ["init.sh", "kernel.ts"].map((name) => readFileSync(join(import.meta.dir, name), "utf8")).join("\0"),
  ).toString(16);

/** Ready at once when it was made before; else about a minute. Throws NoLab with the reason where there can be none. */
export async function prepareKernel(): Promise<Kernel> {
  const ready = { kernel: join(cache, "vmlinux"), ramdisk: join(cache, "ramdisk") };
  if (process.arch !== "x64") throw new NoLab(`the lab's kernel is made for x86-64, this machine is ${process.arch}`);
  if (!Bun.which("apt-get")) throw new NoLab("the lab is made from Debian's packages, and there is no apt-get");
  await install([...new Set(Object.entries(tools).flatMap(([tool, name]) => (isFile(tool) ? [] : [name])))]);
  const record = join(cache, "stamp");
  if (existsSync(record) && readFileSync(record, "utf8") === stamp()) return ready;

  const work = join(cache, `work-${process.pid}`);
  try {
    const image = await newestKernel();
    const version = image.replace("linux-image-", "");
    const headers = existsSync(`/usr/src/linux-headers-${version}/Makefile`) ? [] : [`linux-headers-${version}`];
    await install(headers);
    const tree = join(work, "kernel");
    await download(join(work, "packages"), [image, sourcePackage, "v4l2loopback-dkms"]);
    await must(["sh", "-c", 'dpkg -x "$1"/linux-image-*.deb "$2"', "sh", join(work, "packages"), tree]);
    await unpackKernel(join(tree, "boot", `vmlinuz-${version}`), join(work, "vmlinux"));
    await compileModules(work, tree, version);
    await must([isFile("depmod"), "-b", tree, version]);
    await packRamdisk(work, tree, version, join(work, "ramdisk"));
    rmSync(record, { force: true });
    renameSync(join(work, "vmlinux"), ready.kernel);
    renameSync(join(work, "ramdisk"), ready.ramdisk);
    writeFileSync(record, stamp());
  } catch (fault) {
    // A kernel that does not compile here is no fault of the program under test, but nobody may take it for a pass.
    if (fault instanceof StepFailed) throw new NoLab(`the lab's kernel cannot be made: ${fault.message.slice(-800)}`);
    throw fault;
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
  return ready;
}

/**
 * System packages: finds what is missing, installs it as root on Debian and its kin, and otherwise prints the one line to
 * run. Looks for files and programs rather than packages, so that what someone built by hand counts. Instant when all is
 * there.
 */
import { existsSync } from "node:fs";
import { capture, must, StepFailed, say } from "./steps.ts";

/** What is looked for -> Debian package that brings it. `lib:` is an archive or object gcc finds, `header:` a header. */
const groups = {
  build: {
    "program:gcc": "gcc",
    "program:g++": "g++",
    "program:objcopy": "binutils",
    "header:stdio.h": "libc6-dev",
    "lib:libstdc++.a": "g++",
    "header:wels/codec_api.h": "libopenh264-dev",
    "lib:libopenh264.a": "libopenh264-dev",
    "header:sodium.h": "libsodium-dev",
    "lib:libsodium.a": "libsodium-dev",
    "header:opus/opus.h": "libopus-dev",
    "lib:libopus.a": "libopus-dev",
    "header:pulse/pulseaudio.h": "libpulse-dev",
    "header:alsa/asoundlib.h": "libasound2-dev",
    "header:libyuv.h": "libyuv-dev",
    "lib:libyuv.a": "libyuv-dev",
    "header:jpeglib.h": "libjpeg62-turbo-dev",
    "lib:libjpeg.a": "libjpeg62-turbo-dev",
    "header:linux/media.h": "linux-libc-dev",
    "lib:libxcb.a": "libxcb1-dev",
    "lib:libxcb-shm.a": "libxcb-shm0-dev",
    "lib:libxcb-damage.a": "libxcb-damage0-dev",
    "lib:libxcb-xfixes.a": "libxcb-xfixes0-dev",
    "lib:libxcb-randr.a": "libxcb-randr0-dev",
    "lib:libxcb-xtest.a": "libxcb-xtest0-dev",
    "lib:libxcb-xinput.a": "libxcb-xinput-dev",
    "lib:libxcb-render.a": "libxcb-render0-dev",
    "lib:libxcb-shape.a": "libxcb-shape0-dev",
    "lib:libXau.a": "libxau-dev",
    "lib:libXdmcp.a": "libxdmcp-dev",
    "header:X11/keysymdef.h": "x11proto-dev",
    "header:va/va.h": "libva-dev",
    "header:libdrm/drm.h": "libdrm-dev",
    "header:ffnvcodec/nvEncodeAPI.h": "libffmpeg-nvenc-dev",
  },
  test: {
    "program:Xvfb": "xvfb",
    "program:xauth": "xauth",
    "program:xdotool": "xdotool",
    "program:xwininfo": "x11-utils",
    "program:xrandr": "x11-xserver-utils",
    "program:chromium": "chromium",
    "program:ip": "iproute2",
    "program:nats-server": "nats-server",
    "program:x86_64-w64-mingw32-gcc-posix": "gcc-mingw-w64-x86-64-posix",
    "program:aarch64-linux-gnu-gcc": "gcc-aarch64-linux-gnu",
    "program:wine": "wine",
    "program:make": "make",
    "program:pulseaudio": "pulseaudio",
    "program:pactl": "pulseaudio-utils",
    "lib:libpulse.so.0": "libpulse0",
    "lib:libasound.so.2": "libasound2",
    "lib:alsa-lib/libasound_module_pcm_pulse.so": "libasound2-plugins",
    "program:pkg-config": "pkgconf",
    "program:glxgears": "mesa-utils",
    "program:ffmpeg": "ffmpeg",
    "lib:libGL.so.1": "libgl1",
    "lib:libEGL.so.1": "libegl1",
    "lib:libX11.so.6": "libx11-6",
    "lib:dri/swrast_dri.so": "libgl1-mesa-dri",
    "lib:libSDL2-2.0.so.0": "libsdl2-2.0-0",
    "lib:libva.so.2": "libva2",
    "lib:libva-x11.so.2": "libva-x11-2",
    "header:x265.h": "libx265-dev",
    "header:libde265/de265.h": "libde265-dev",
    "lib:libasan.so": "gcc",
    "lib:libtsan.so": "gcc",
  },
  demo: {
    "program:Xvfb": "xvfb",
    "program:xauth": "xauth",
  },
  bench: {
    "program:Xvfb": "xvfb",
    "program:xauth": "xauth",
    "program:pulseaudio": "pulseaudio",
    "program:pactl": "pulseaudio-utils",
    "lib:alsa-lib/libasound_module_pcm_pulse.so": "libasound2-plugins",
    "program:X0tigervnc": "tigervnc-scraping-server",
    "program:xtigervncviewer": "tigervnc-viewer",
    "header:boost/interprocess/ipc/message_queue.hpp": "libboost-dev",
    "header:zmq.h": "libzmq3-dev",
    "header:nng/nng.h": "libnng-dev",
  },
} satisfies Record<string, Record<string, string>>;

export type Group = keyof typeof groups;

export const isGroup = (name: string): name is Group => name in groups;

const folders = [
  "/usr/include",
  "/usr/local/include",
  "/usr/include/x86_64-linux-gnu",
  "/usr/include/aarch64-linux-gnu",
];

async function present(wanted: string): Promise<boolean> {
  const [kind, name = ""] = wanted.split(":");
  if (kind === "program") return Bun.which(name) !== null;
  if (kind === "header") return folders.some((folder) => existsSync(`${folder}/${name}`));
  if (!Bun.which("gcc")) return false;
  // gcc answers with a path for what it finds and with the bare name for what it does not.
  return (await capture(["gcc", `-print-file-name=${name}`])).out.includes("/");
}

/** The Debian packages of `wantedGroups` that are missing, sorted. */
export async function missing(wantedGroups: Group[]): Promise<string[]> {
  const wanted = Object.entries(
    Object.assign({}, ...wantedGroups.map((group) => groups[group])) as Record<string, string>,
  );
  const there = await Promise.all(wanted.map(([what]) => present(what)));
  return [...new Set(wanted.filter((_, index) => !there[index]).map(([, name]) => name))].sort();
}

export async function ensure(wantedGroups: Group[]): Promise<string> {
  const packages = await missing(wantedGroups);
  if (packages.length === 0) return "all there";
  const install = ["apt-get", "install", "-y", "--no-install-recommends", ...packages];
  const line = `sudo apt-get update && sudo ${install.join(" ")}`;
  if (process.getuid?.() !== 0) throw new StepFailed(`missing system packages; run:\n  ${line}`);
  if (!Bun.which("apt-get")) throw new StepFailed(`missing system packages; on Debian they are: ${packages.join(" ")}`);
  say(`  ...   installing ${packages.join(" ")}`);
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  // Another installation in progress is waited for.
  const patient = ["-o", "DPkg::Lock::Timeout=300"];
  await must(["apt-get", ...patient, "update", "-q"], { env });
  await must([...install, ...patient], { env });
  const still = await missing(wantedGroups);
  if (still.length) throw new StepFailed(`still missing after installing: ${still.join(" ")}`);
  return `installed ${packages.length} packages`;
}

/**
 * The one table of commands and flags. From it come the parser (parse.ts), the environment variables PATCHBAY_<NAME>, every
 * help text (help.ts) and the options section of the README (readme.ts). Keys are camelCase here and --kebab-case outside.
 */
import { limits } from "../base/limits.ts";
import { bitrate, fps, json, reportFile, seconds, size } from "./option-kinds.ts";
import { cameraCommand, cameraFlag } from "./options-camera.ts";
import { doctorCommand } from "./options-doctor.ts";
import { newCommand } from "./options-new.ts";
import { relayCommand } from "./options-relay.ts";
import { shmCommand } from "./options-shm.ts";
import { clientSound, hostSound } from "./options-sound.ts";
import type { CommandSpec, Flag, FlagsOf, PositionalsOf } from "./spec.ts";

/** Read from the environment only: on a command line every process could see it. */
export const secretVariables = ["PATCHBAY_RELAY_KEY"] as const;

export const permissions = ["view", "sound", "input", "clipboard", "microphone"] as const;
export type Permission = (typeof permissions)[number];

/** Accepted by every command, before or after its name. */
export const globalFlags = {
  verbose: { kind: "boolean", short: "v", help: "Log every step, and show the stack of an unexpected fault." },
  quiet: { kind: "boolean", short: "q", help: "Log warnings and errors only." },
  help: { kind: "boolean", short: "h", help: "Explain a command and end.", env: false },
  version: { kind: "boolean", short: "V", help: "Print the version and end.", env: false },
} as const satisfies Record<string, Flag>;

export const commands = {
  host: {
    summary: "Share this machine's screen and take input from paired devices",
    description: [
      "Captures the screen, encodes it once and sends it, encrypted, to each paired client over UDP. A client that is not " +
        "known waits: the host prints its fingerprint and six words, the client prints the same words, and `patchbay peers " +
        "approve` lets it in for good. `patchbay key show` prints the code that a client can connect with.",
      "Runs until it is interrupted. SIGINT (Ctrl-C) and SIGTERM end it in order, with all keys released, and exit status " +
        "0; a second signal ends it at once.",
    ],
    examples: [
      ["host", "Share the current display on UDP port 9876."],
      ["host --display :1 --fps 30 --bitrate 4M", "Share display :1 over a slower link."],
      ["host --capture pattern --size 1280x720 --dashboard off", "Send a test pattern; no display needed."],
      ["host --relay wss://relay.example/desk", "Let browsers watch over a relay as well."],
      ["host --capture camera --camera /dev/video0", "Share what a camera sees."],
      ["host --shm game", "Share what a local program draws into shared memory."],
      ["host --capture gl -- glxgears", "Start a program and share what it draws by OpenGL, and nothing else."],
    ],
    positionals: [
      {
        name: "program",
        required: false,
        rest: true,
        help: "With --capture gl: the program to start, and its arguments. It ends with the host, and the host with it.",
      },
    ],
    flags: {
      display: {
        kind: "text",
        value: ":N|CARD[:CONNECTOR]",
        help:
          "X display to capture; without it, $DISPLAY. For --capture drm a card or one of its connectors, like card0 or " +
          "card0:HDMI-A-1; without it, the first that shows something.",
      },
      capture: {
        kind: "choice",
        choices: ["auto", "drm", "x11", "fbdev", "pattern", "gl", "camera"],
        default: "auto",
        help:
          "Where pictures come from. auto takes the first that works; a named one that fails is an error. gl is what a " +
          "program draws by OpenGL.",
      },
      camera: cameraFlag,
      shm: {
        kind: "text",
        value: "NAME",
        env: false,
        help: "Share what a local program draws into this shared memory, instead of a screen.",
      },
      encoder: {
        kind: "choice",
        choices: ["auto", "nvenc", "vaapi", "openh264"],
        default: "auto",
        help: "Video encoder. auto takes the first that works, and the next when that one fails.",
      },
      codec: {
        kind: "choice",
        choices: ["auto", "h264", "hevc"],
        default: "auto",
        help:
          "How video is coded. auto is H.264, which every client, relay and browser plays; hevc needs an encoder for it " +
          "here and a decoder for it at each client.",
      },
      size: { ...size, help: "Picture size of --capture pattern, wanted one of a camera. A real screen has its own." },
      fps: { ...fps, default: String(limits.fps.default), help: "Most frames a second." },
      bitrate: { ...bitrate, default: "10M", help: "Video bit rate to aim for." },
      keyframeInterval: {
        kind: "duration",
        value: "SECONDS",
        min: 0,
        max: 3600,
        default: "1",
        help: "Time from keyframe to keyframe; 0 sends them only when a client asks.",
      },
      listen: {
        kind: "address",
        value: "ADDR:PORT",
        defaultHost: "0.0.0.0",
        default: `0.0.0.0:${limits.port}`,
        help: "UDP address for clients. All traffic is encrypted and only approved devices see anything.",
      },
      dashboard: {
        kind: "address",
        value: "ADDR:PORT|off",
        defaultHost: "127.0.0.1",
        allowOff: true,
        default: "127.0.0.1:9101",
        help: "HTTP address of the status page and /api/stats.",
      },
      input: {
        kind: "choice",
        choices: ["auto", "uinput", "xtest", "log", "off"],
        default: "auto",
        help:
          "Where clients' keys and pointer go: uinput into the kernel, as from devices on the desk; xtest into an X display; log " +
          "only writes them down. auto takes xtest for a captured X display, uinput for a captured screen (drm, fbdev), else log.",
      },
      inputTarget: {
        kind: "text",
        value: ":N",
        help:
          "X display that receives input; without it, the captured one. With --input log, a file to append to; with --input " +
          "uinput, the device node.",
      },
      ...hostSound,
      relay: {
        kind: "text",
        value: "URL[/CHANNEL]",
        help:
          "Also publish to this relay (ws:// or wss://). Without a channel, one named after this device. A key to publish " +
          "is read from PATCHBAY_RELAY_KEY; without it this device signs in with its own.",
      },
      relayPermit: {
        kind: "choice",
        choices: ["view", "input"],
        default: "view",
        help: "What those who watch over the relay may do: only see, or control this machine as well.",
      },
      name: { kind: "text", value: "NAME", help: "This device's name for others. Without it, the host name." },
      seconds: { ...seconds, help: "End after this long." },
      json: { ...reportFile, help: "Write a report here at the end; - is standard output." },
    },
    exits: ["unavailable", "system", "cannot-create", "database-broken"],
  },
  client: {
    summary: "Show a host's screen in a window and send input back",
    description: [
      "TARGET is HOST, HOST:PORT or a pairing code KEY@HOST:PORT. The code names the host's key in advance; without it the " +
        "first connection shows six words that must equal the host's, and the key is remembered from then on.",
      "The window takes keyboard and pointer while it has the focus. Ctrl+Alt+Shift and Q leaves (closing the window does " +
        "too), F fills the screen or goes back, P pauses or goes on, M holds the pointer for games or lets it go, S silences the sound.",
    ],
    usage: ["client TARGET [options]", "client --relay URL/CHANNEL [options]"],
    examples: [
      ["client desk.local", "Connect to port 9876 of desk.local."],
      ["client 192.0.2.7:9876 --fullscreen", "Fill the screen."],
      ["client desk.local --output headless --seconds 5 --png shot.png", "Take a picture without a window."],
      ["client --relay wss://relay.example/desk", "Play a channel of a relay."],
      ["client desk.local --shm desk", "Let local programs read the pictures."],
    ],
    positionals: [
      { name: "target", required: false, help: "HOST[:PORT] or a pairing code KEY@HOST:PORT; not with --relay." },
    ],
    flags: {
      relay: {
        kind: "text",
        value: "URL/CHANNEL",
        env: false,
        help:
          "Play a channel of this relay (ws:// or wss://) instead. A key to view is read from PATCHBAY_RELAY_KEY; without " +
          "it this device signs in with its own.",
      },
      fullscreen: { kind: "boolean", short: "f", help: "Fill the screen." },
      display: { kind: "text", value: ":N", help: "X display to show the window on. Without it, $DISPLAY." },
      output: {
        kind: "choice",
        choices: ["auto", "x11", "sdl2", "headless"],
        default: "auto",
        help: "How pictures are shown; headless only decodes them.",
      },
      shm: {
        kind: "text",
        value: "NAME",
        env: false,
        help: "Write what is shown into this shared memory for local programs, instead of a window.",
      },
      decoder: {
        kind: "choice",
        choices: ["auto", "nvdec", "vaapi", "openh264"],
        default: "auto",
        help: "Video decoder.",
      },
      size: { ...size, help: "Window size. Without it, the size of the picture." },
      input: {
        kind: "boolean",
        default: "true",
        env: false,
        help: "Only watch. Without it, keyboard and pointer are sent to the host.",
      },
      ...clientSound,
      relative: { kind: "boolean", help: "Grab the pointer and send its motion, as games want it." },
      bitrate: { ...bitrate, help: "Ask the host for this bit rate." },
      fps: { ...fps, help: "Ask the host for this many frames a second." },
      quality: { kind: "number", value: "N", min: 0, max: 100, help: "Ask the host for this picture quality." },
      name: { kind: "text", value: "NAME", help: "This device's name for the host. Without it, the host name." },
      measure: { kind: "boolean", help: "Read the timecode in each shown picture for glass-to-glass times." },
      seconds: { ...seconds, help: "End after this long." },
      json: { ...reportFile, help: "Write a report here at the end; - is standard output." },
      png: { kind: "text", value: "FILE", env: false, help: "Write the last shown picture here at the end." },
    },
    exits: ["no-host", "unavailable", "lost-peer", "protocol", "refused", "cannot-create", "database-broken"],
  },
  relay: relayCommand,
  demo: {
    summary: "Run host and client on this machine and report what was measured",
    description: [
      "Starts two processes of this executable, really paired and encrypted over loopback UDP, and measures the time from " +
        "a picture's painting to its showing by a timecode in the picture itself.",
      "The source is the current X display if there is one, else a private Xvfb, else a moving test pattern, so that the " +
        "demo runs on any machine. Ends with a report and a PNG of what the client showed.",
    ],
    examples: [
      ["demo", "Ten seconds, then a report."],
      ["demo --seconds 3 --source pattern --json -", "A short run for a script to read."],
    ],
    positionals: [],
    flags: {
      seconds: { ...seconds, min: 1, max: 3600, default: "10", help: "How long to measure." },
      source: {
        kind: "choice",
        choices: ["auto", "display", "xvfb", "pattern"],
        default: "auto",
        help: "What is streamed.",
      },
      size: { ...size, default: "1280x720", help: "Picture size, except of a display that exists already." },
      fps: { ...fps, default: String(limits.fps.default), help: "Most frames a second." },
      json: { ...reportFile, help: "Write the report as JSON here; - is standard output." },
      png: { kind: "text", value: "FILE", env: false, default: "patchbay-demo.png", help: "Where the picture goes." },
    },
    exits: ["unavailable", "lost-peer", "cannot-create"],
  },
  key: {
    summary: "Show this device's key, fingerprint and pairing code",
    description: [
      "Each device makes one Ed25519 key on first use; its private half never leaves the device. The pairing code is the " +
        "public key and the address, KEY@HOST:PORT: a client that is given the code knows in advance which key to trust.",
    ],
    usage: ["key [show] [--qr] [--host HOST:PORT] [--json]", "key show --viewer [--json]"],
    examples: [
      ["key show --qr", "A code to scan from another device."],
      ["key show --json --host desk.example:9876", "For scripts: {fingerprint, publicKey, code}."],
    ],
    positionals: [
      { name: "action", required: false, choices: ["show"], help: "show is all there is, and may be left out." },
    ],
    flags: {
      json,
      viewer: {
        kind: "boolean",
        env: false,
        help: "Print where a browser watches and controls the running host's screen instead; the address carries a token.",
      },
      qr: { kind: "boolean", help: "Draw the pairing code as a QR code.", env: false },
      host: {
        kind: "address",
        value: "HOST[:PORT]",
        defaultPort: limits.port,
        env: false,
        help: "Address in the pairing code. Without it, this machine's host name and port 9876.",
      },
    },
    exits: ["database-broken", "unavailable"],
  },
  peers: {
    summary: "List paired devices, approve waiting ones, revoke others",
    description: [
      "KEY names a device: its public key in base64, its pairing code, its fingerprint, or its name or the beginning of it when " +
        "only one device is called that. A public key or code may be approved before the device has ever connected.",
      "Before you approve a waiting device, compare the six words here with those that it shows. Words that differ mean that " +
        "someone is in between.",
    ],
    usage: ["peers [list] [--json]", "peers approve KEY [--permit LIST] [--json]", "peers revoke KEY [--json]"],
    examples: [
      ["peers list", "Who is approved, who waits, with the words to compare."],
      ["peers approve laptop", "Let the waiting device named laptop view, hear and control."],
      ["peers approve laptop --permit view", "Let it watch only."],
      ["peers approve laptop --permit view,sound,input,microphone", "Let it speak here as well."],
      ["peers revoke laptop", "End its session and refuse it from now on."],
    ],
    positionals: [
      {
        name: "action",
        required: false,
        choices: ["list", "approve", "revoke"],
        help: "What to do; list if left out.",
      },
      { name: "key", required: false, help: "Public key, pairing code, fingerprint or name." },
    ],
    flags: {
      json,
      permit: {
        kind: "set",
        choices: permissions,
        env: false,
        help: "What an approved device may do; view,sound,input when left out.",
      },
    },
    exits: ["database-broken"],
  },
  shm: shmCommand,
  camera: cameraCommand,
  doctor: doctorCommand,
  new: newCommand,
  inspect: {
    summary: "Explain the bytes of packets",
    description: [
      "INPUT is a file, hexadecimal text or - for standard input. A file holds packets back to back, or one packet a line in " +
        "hexadecimal. Prints each field with its offset, value and meaning, and " +
        "says what is wrong with a packet that is not valid. Sealed payloads stay sealed: no key is read.",
    ],
    examples: [
      ["inspect 544f4f5202050000010000000000000005000500000000", "Explain a keyframe request."],
      ["inspect packet.bin", "Explain a file."],
    ],
    positionals: [{ name: "input", required: true, help: "Hexadecimal bytes, a file, or - for standard input." }],
    flags: { json },
    exits: ["bad-data", "no-input"],
  },
  version: {
    summary: "Print the version",
    description: ["Prints the version, and with --json what it runs on."],
    examples: [["version --json", "For scripts."]],
    positionals: [],
    flags: { json },
    exits: [],
  },
  help: {
    summary: "Explain a command",
    description: ["Without a command, lists all of them."],
    examples: [["help host", "The same as `patchbay host --help`."]],
    positionals: [{ name: "command", required: false, help: "The command to explain." }],
    flags: {},
    exits: [],
  },
} as const satisfies Record<string, CommandSpec>;

export type CommandName = keyof typeof commands;
export type Flags<C extends CommandName> = FlagsOf<(typeof commands)[C]>;
export type Positionals<C extends CommandName> = PositionalsOf<(typeof commands)[C]>;
export type GlobalFlags = Readonly<Record<keyof typeof globalFlags, boolean>>;

export const commandNames = Object.keys(commands) as readonly CommandName[];

/** keyframeInterval -> keyframe-interval */
export function flagName(key: string): string {
  return key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

/** keyframeInterval -> PATCHBAY_KEYFRAME_INTERVAL, unless the flag has a name of its own. */
export function environmentName(key: string, { env }: Pick<Flag, "env"> = {}): string {
  return env || `PATCHBAY_${flagName(key).replaceAll("-", "_").toUpperCase()}`;
}

/** Sound's part of the options table (options.ts): what a host captures, and what a client plays and says. */
import type { Flag } from "./spec.ts";

export const hostSound = {
  sound: {
    kind: "choice",
    choices: ["auto", "pulse", "alsa", "tone", "off"],
    default: "auto",
    help:
      "Where sound comes from: what this machine plays, by PulseAudio or PipeWire (pulse) or ALSA, or a test tone. auto takes the " +
      "first that works and goes without sound if none does. Captured only while a client that may hear it listens.",
  },
  soundDevice: {
    kind: "text",
    value: "NAME",
    help: "The source of pulse, the PCM of alsa, or the frequency of the tone. Without it, the default one.",
  },
  soundFrame: {
    kind: "choice",
    choices: ["20", "10", "5", "2.5"],
    default: "20",
    help: "Milliseconds of sound in a packet: shorter ones are heard sooner, cost more, and below 10 cannot make up for loss.",
  },
  soundBitrate: { kind: "bitrate", value: "BPS", min: 6000, max: 510_000, default: "96k", help: "Bit rate of sound." },
  microphone: {
    kind: "choice",
    choices: ["on", "off"],
    default: "on",
    help:
      "Whether clients that were given the permission microphone are heard here, as a source of sound that programs can " +
      "choose (PulseAudio or PipeWire). No client has it unless `peers approve --permit` names it.",
  },
} as const satisfies Record<string, Flag>;

export const clientSound = {
  sound: {
    kind: "choice",
    choices: ["auto", "pulse", "alsa", "file", "none", "off"],
    default: "auto",
    env: "PATCHBAY_CLIENT_SOUND",
    help:
      "How sound is played: by PulseAudio or PipeWire (pulse), by ALSA, into a file of 16-bit samples, or decoded only (none). " +
      "auto takes the first device that works, and goes without sound if none does or no window is wanted.",
  },
  soundDevice: {
    kind: "text",
    value: "NAME",
    env: "PATCHBAY_CLIENT_SOUND_DEVICE",
    help: "The sink of pulse, the PCM of alsa, or the file. Without it, the default one.",
  },
  volume: { kind: "number", value: "N", min: 0, max: 100, default: "100", help: "How loud sound is, in percent." },
  mute: { kind: "boolean", help: "Begin in silence; Ctrl+Alt+Shift and S lets sound be heard." },
  soundDelay: {
    kind: "duration",
    value: "SECONDS",
    min: 0,
    max: 2,
    default: "0",
    help:
      "Least time from capture until sound is heard. 0 is with the picture, or as soon after as network and device allow; " +
      "more keeps sound calm on a network that is not.",
  },
  lipSync: {
    kind: "choice",
    choices: ["on", "off"],
    default: "off",
    help:
      "on holds pictures back until their sound can be heard, for at most 250 ms, at the price of that latency: right for films. " +
      "off shows each picture at once, and sound may be behind by what network and device need: right for games.",
  },
  microphone: {
    kind: "boolean",
    env: false,
    help: "Send this machine's microphone to the host, if the host's owner permits it.",
  },
  microphoneDevice: {
    kind: "text",
    value: "NAME",
    help: "The source of pulse or the PCM of alsa that is the microphone. Without it, the default one.",
  },
} as const satisfies Record<string, Flag>;

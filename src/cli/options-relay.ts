/** The part of the options table that is `patchbay relay`. */
import { count, interval, reportFile, seconds } from "./option-kinds.ts";
import type { CommandSpec } from "./spec.ts";

export const relayCommand = {
  summary: "Relay streams from sources to many browsers and programs",
  description: [
    "A source publishes on a channel, any number of receivers watch it, late ones are served the whole picture at once, and their " +
      "input goes back to the source. Channels are named in the path: /source/NAME, /stream/NAME and /signal/NAME.",
    "On loopback everybody of this machine may do everything. On another address publishing wants a key or a paired " +
      "device; the first such start makes a key and shows it once. Viewing wants one as soon as there is a key to view. " +
      "Clients send it as ?key=KEY or as Authorization: Bearer KEY. Only TLS hides it on the way.",
    "Runs until it is interrupted. SIGINT (Ctrl-C) and SIGTERM end it in order: sources and receivers are told.",
  ],
  usage: [
    "relay [options]",
    "relay keys create publish|view [--json -]",
    "relay keys [list] [--json -]",
    "relay keys revoke ID",
  ],
  examples: [
    ["relay", "Relay for programs and browsers on this machine."],
    ["relay --listen 0.0.0.0:9100 --tls-cert cert.pem --tls-key key.pem", "Relay for others, with TLS and keys."],
    ["relay keys create view", "From now on watching wants a key too."],
  ],
  positionals: [
    { name: "topic", required: false, choices: ["keys"], help: "keys: manage keys instead of relaying." },
    {
      name: "action",
      required: false,
      choices: ["create", "list", "revoke"],
      help: "What to do with keys; list if left out.",
    },
    { name: "which", required: false, help: "publish or view for create, a number for revoke." },
  ],
  flags: {
    listen: {
      kind: "address",
      value: "ADDR:PORT",
      defaultHost: "127.0.0.1",
      defaultPort: 9100,
      default: "127.0.0.1:9100",
      env: "PATCHBAY_RELAY_LISTEN",
      help: "TCP address for WebSockets and pages.",
    },
    maxReceivers: { ...count, max: 100_000, default: "64", help: "Most receivers of one channel." },
    maxChannels: { ...count, max: 100_000, default: "256", help: "Most channels at one time." },
    queue: {
      ...count,
      max: 10_000,
      default: "16",
      help: "Messages that may wait for a slow receiver before frames are left out.",
    },
    keepalive: { ...interval, default: "10", help: "Time from ping to ping." },
    keepaliveTimeout: { ...interval, default: "30", help: "Silence after which a peer counts as gone." },
    collect: { ...interval, default: "60", help: "Time from one removal of deserted channels to the next." },
    grace: {
      ...interval,
      min: 0,
      default: "30",
      help: "How long a channel that nobody is on keeps its picture for a source that comes back.",
    },
    maxMessage: {
      ...count,
      value: "MIB",
      max: 1024,
      default: "64",
      help:
        "Largest message of a source, in MiB. Bun's server, which carries TLS, also lets any other connection begin one so " +
        "large before it is closed.",
    },
    server: {
      kind: "choice",
      choices: ["auto", "native", "bun"],
      default: "auto",
      help: "What carries the WebSockets. auto takes the native server, and Bun's for TLS.",
    },
    tlsCert: { kind: "text", value: "FILE", help: "Certificate chain in PEM, for https and wss." },
    tlsKey: { kind: "text", value: "FILE", help: "The certificate's private key in PEM." },
    publishKey: {
      kind: "text",
      value: "FILE|env:NAME",
      help: "Where a key to publish stands, besides those of patchbay relay keys.",
    },
    viewKey: {
      kind: "text",
      value: "FILE|env:NAME",
      help: "Where a key to view stands, besides those of patchbay relay keys.",
    },
    requireKeys: {
      kind: "boolean",
      help: "Ask for keys on loopback too, as behind a proxy that serves others.",
    },
    origin: {
      kind: "text",
      value: "LIST",
      help: "Web pages that may connect besides the relay's own: origins with commas between, or *.",
    },
    bus: {
      kind: "text",
      value: "URL",
      help: "Join other relays through this NATS broker: nats://[USER:PASSWORD@]HOST[:PORT][/CLUSTER] or tls://...",
    },
    seconds: { ...seconds, help: "End after this long." },
    json: { ...reportFile, help: "Write a report here at the end; - is standard output." },
  },
  exits: ["no-input", "unavailable", "cannot-create", "database-broken"],
} as const satisfies CommandSpec;

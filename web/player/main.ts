/**
 * The viewer of one channel: joins the connections (receiver.ts) to what shows (pictures, signals, shapes), sounds and takes input,
 * and says at every moment what is going on. It publishes nothing.
 */
import { classify, decodeFrame, type FrameClass, type FrameMessage } from "../../src/wire/ds.ts";
import { byId, setText } from "../dom.ts";
import { readAddress } from "../lib/address.ts";
import { type BusKind, BusView } from "../lib/bus.ts";
import { StreamClock } from "../lib/clock.ts";
import { Meter } from "../lib/meters.ts";
import { readShapes, ShapePainter } from "../lib/shapes.ts";
import type { SocketState } from "../lib/socket.ts";
import { Gamepads, Midi } from "./devices.ts";
import { announce } from "./embed.ts";
import { showFigures } from "./figures.ts";
import { Input, type InputSink } from "./input.ts";
import { Pictures, type Shown } from "./pictures.ts";
import { Receiver } from "./receiver.ts";
import { Screen } from "./screen.ts";
import { Signals } from "./signals.ts";
import { Sound } from "./sound.ts";
import { Stage } from "./stage.ts";

/** Signals are drawn when no picture has come for this long. */
const pictureRuleMs = 3000;
/** Relays send a Ping every ten seconds while a source is there; after this long without anything there is none. */
const silenceMs = 25_000;
/** Half of a 1080p screen each way: computers without a GPU compute it too. */
const shapeSize = { width: 960, height: 540 };

const address = readAddress(location.href);
const stage = new Stage();
const screen = new Screen(byId("picture") as HTMLCanvasElement);
const bus = new BusView(byId("bus-strip") as HTMLCanvasElement, byId("bus-legend"));
const clock = new StreamClock();
const signals = new Signals(screen, byId("signal-tree"));
const sound = new Sound((text) => {
  setText(soundButton, "No sound");
  soundButton.title = text;
});
const meters = { shown: new Meter(), bytes: new Meter(), frames: new Meter() };

let shown: Shown | undefined;
let shownAge: ReturnType<StreamClock["age"]>;
let pictureMs = Number.NEGATIVE_INFINITY;
let heardMs = 0;
let painter: ShapePainter | undefined;
let lacksDecoder: { readonly title: string } | undefined;

const show = (picture: Shown) => {
  shown = picture;
  const now = performance.now();
  pictureMs = now;
  shownAge = clock.age(picture.timestampMs, now);
  meters.shown.add(1, now);
  document.body.dataset.mode = picture.mode;
  stage.hasPicture = true;
  if (stage.state !== "live" && !lacksDecoder) stage.say("live");
  announce("stream_frame", picture);
};

const pictures = new Pictures(screen, {
  shown: (picture) => {
    lacksDecoder = undefined;
    receiver.leaveStills();
    show(picture);
  },
  needsKeyframe: () => receiver.askKeyframe(),
  cannotDecode: (title, text) => {
    // Said once; every further picture of the kind would say it again.
    if (lacksDecoder?.title === title) return;
    lacksDecoder = { title };
    stage.say("no-decoder", title, `${text} Asking the source for still pictures instead.`);
    receiver.followStills();
  },
});
/** Stills that stand in for a video have a place of their own, so that neither confuses the other. */
const standIns = new Pictures(screen, {
  shown: (picture) => {
    if (!lacksDecoder) return;
    show({ ...picture, mode: `${picture.mode}, in place of video` });
    stage.say("no-decoder", lacksDecoder.title, "Still pictures are shown instead.");
  },
  needsKeyframe: () => undefined,
  cannotDecode: () => undefined,
});

const busKinds: Readonly<Record<FrameClass, BusKind>> = {
  keyframe: "keyframe",
  delta: "delta",
  audio: "audio",
  "state-sync": "signal",
  "state-diff": "signal",
  schema: "signal",
  input: "input",
  other: "other",
};

const receiver = new Receiver(address, clock, {
  state: connection,
  arrived: (bytes) => {
    const now = performance.now();
    heardMs = now;
    meters.bytes.add(bytes.length, now);
    meters.frames.add(1, now);
    const [type = 0, flags = 0] = bytes;
    bus.add(type === 0x40 ? "neural" : busKinds[classify(type, flags, bytes)], bytes.length, now);
  },
  frame: (bytes) => {
    const message = decodeFrame(bytes);
    if (message.ok && message.value.kind === "frame") dispatch(message.value);
    else if (!message.ok) console.warn("frame refused:", message.error);
  },
  still: (bytes) => {
    const message = decodeFrame(bytes);
    if (message.ok && message.value.kind === "frame" && message.value.name === "compressedPixels")
      standIns.push(message.value);
  },
});

function dispatch(message: FrameMessage): void {
  switch (message.name) {
    case "pixels":
    case "compressedPixels":
    case "deltaPixels":
    case "keyframe":
      pictures.push(message);
      return;
    case "audioPcm":
    case "audioCompressed":
      byId("sound").toggleAttribute("data-offered", !sound.isOn);
      sound.push(message);
      return;
    case "signalSync":
    case "signalDiff":
      gotSignals(message);
      return;
    case "neuralFrame":
      paintShapes(message);
      return;
    case "streamEnd":
      ended(message);
      return;
    default:
      return;
  }
}

function gotSignals(message: FrameMessage<"signalSync" | "signalDiff">): void {
  signals.push(message);
  if (performance.now() - pictureMs < pictureRuleMs) return;
  shown = {
    type: message.name,
    sequence: message.sequence,
    timestampMs: message.timestampMs,
    width: 0,
    height: 0,
    mode: "Signals",
  };
  shownAge = clock.age(message.timestampMs, performance.now());
  meters.shown.add(1, performance.now());
  document.body.dataset.mode = "Signals";
  if (signals.hasScene) {
    signals.draw(performance.now());
    stage.hasPicture = true;
    stage.say("live");
  } else {
    press("signals-toggle", true);
    byId("signals").hidden = false;
    stage.say("waiting", "Signals only", "This channel's signals hold no scene to draw; they are listed beside.");
  }
}

function paintShapes(message: FrameMessage<"neuralFrame">): void {
  const frame = readShapes(message.tail);
  if (!frame) {
    stage.say("no-decoder", "No painter for these frames", "The channel carries neural frames of another program.");
    return;
  }
  painter ??= new ShapePainter(shapeSize.width, shapeSize.height);
  painter.paint(frame);
  screen.draw(painter.canvas, shapeSize.width, shapeSize.height);
  const { sequence, timestampMs } = message;
  show({
    type: "neuralFrame",
    sequence,
    timestampMs,
    width: shapeSize.width,
    height: shapeSize.height,
    mode: painter.isExact ? "Neural" : "Neural, coarse",
  });
}

function ended({ sequence, timestampMs }: FrameMessage): void {
  pictures.reset();
  stage.say("ended");
  announce("stream_end", { sequence, timestampMs });
}

function connection(
  state: SocketState,
  { retryMs = 0, code }: { readonly retryMs?: number; readonly code?: number },
): void {
  if (state === "open") {
    heardMs = performance.now();
    // After a loss a relay begins again with all that makes the picture whole.
    stage.say("waiting");
    input.sendSize();
  } else if (state === "waiting") {
    const why =
      code === 4413
        ? "This page was too slow for the channel's state"
        : "The relay does not answer, or refuses this page";
    stage.say("retrying", why, `Trying again in ${Math.round(retryMs / 1000)} s.`);
  } else if (state === "closed") stage.say("closed");
  else if (stage.state === "connecting") stage.say("connecting");
}

// Input.

const sink: InputSink = {
  isOn: () => byId("control").getAttribute("aria-pressed") === "true",
  send: (build) => {
    const sent = receiver.input(build);
    if (sent > 0) bus.add("input", sent, performance.now());
  },
  hotkey: (action) => {
    if (action === "leave") {
      document.exitPointerLock();
      byId("control").focus();
    } else if (action === "fullscreen") toggleFullscreen();
    else lockPointer();
  },
};
const input = new Input(byId("stage"), screen.canvas, sink);
const gamepads = new Gamepads(sink);
let midi: Midi | undefined;

// Controls.

const soundButton = byId("sound");
const press = (id: string, on: boolean) => byId(id).setAttribute("aria-pressed", String(on));
const isPressed = (id: string) => byId(id).getAttribute("aria-pressed") === "true";
function onClick(id: string, act: () => void | Promise<void>): void {
  byId(id).addEventListener("click", () => void Promise.resolve(act()).catch((cause) => console.warn(id, cause)));
}
const toggles = (id: string, panel: string) =>
  onClick(id, () => {
    press(id, !isPressed(id));
    byId(panel).hidden = !isPressed(id);
  });

toggles("signals-toggle", "signals");
toggles("figures-toggle", "figures");
toggles("bus-toggle", "bus");
onClick("control", () => {
  for (const held of [input, gamepads, midi]) held?.releaseAll();
  press("control", !isPressed("control"));
});
onClick("sound", async () => {
  if (sound.isOn) await sound.turnOff();
  else await sound.turnOn();
  press("sound", sound.isOn);
  setText(soundButton, sound.isOn ? "Sound on" : "Sound off");
});
onClick("lock", lockPointer);
onClick("fullscreen", toggleFullscreen);
onClick("midi", async () => {
  if (midi) {
    midi.stop();
    midi = undefined;
  } else midi = await Midi.start(sink);
  press("midi", midi !== undefined);
});
byId("midi").hidden = !("requestMIDIAccess" in navigator);

function lockPointer(): void {
  const node = byId("stage");
  node.focus();
  if (document.pointerLockElement === node) document.exitPointerLock();
  // Browsers without raw motion refuse the option; then plain motion does.
  else
    void Promise.resolve(node.requestPointerLock({ unadjustedMovement: true })).catch(() => node.requestPointerLock());
}

interface KeyboardLock {
  lock(): Promise<void>;
}

function toggleFullscreen(): void {
  if (document.fullscreenElement) void document.exitFullscreen();
  else
    void byId("stage")
      .requestFullscreen()
      .then(() => {
        byId("stage").focus();
        // Where the browser can, keys such as Alt+Tab go to the source as well.
        return (navigator as { keyboard?: KeyboardLock }).keyboard?.lock();
      })
      .catch((cause) => console.warn("full screen", cause));
}

// What moves by itself.

function eachFrame(now: number): void {
  requestAnimationFrame(eachFrame);
  if (document.body.dataset.mode === "Signals" && stage.state === "live") signals.draw(now);
  if (!byId("bus").hidden) bus.draw(now);
}
requestAnimationFrame(eachFrame);

setInterval(() => {
  const now = performance.now();
  if (!byId("signals").hidden) signals.showTree();
  if (stage.state === "live" && now - heardMs > silenceMs)
    stage.say("waiting", "The source is gone", "This is its last picture; a new one follows when it returns.");
  const direct = receiver.isDirect;
  document.body.dataset.path = direct ? "webrtc" : "websocket";
  const { counts } = receiver;
  document.body.dataset.counts = JSON.stringify({ ...counts, samples: sound.played });
  if (byId("figures").hidden) return;
  showFigures({
    mode: shown?.mode ?? "–",
    width: shown?.width ?? 0,
    height: shown?.height ?? 0,
    fps: meters.shown.perSecond(now),
    bps: meters.bytes.perSecond(now) * 8,
    age: shownAge,
    received: meters.bytes.total,
    frames: meters.frames.total,
    reconnects: receiver.reconnects,
    path: direct ? `WebRTC first (${counts.webrtc}), WebSocket (${counts.websocket})` : "WebSocket",
  });
}, 250);

byId("signal-tree").tabIndex = 0;
setText(byId("channel"), address.channel);
document.title = `${address.channel} – Patchbay player`;
stage.say(stage.state);

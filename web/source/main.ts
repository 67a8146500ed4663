/** The publisher's page: reads the form, starts and stops a session, shows what leaves and what comes in. */
import { decodeFrame } from "../../src/wire/ds.ts";
import { byId, element, setText, whenChanged } from "../dom.ts";
import { readAddress } from "../lib/address.ts";
import { bits, bytes, decimals } from "../lib/format.ts";
import type { SocketState } from "../lib/socket.ts";
import { InputLog } from "./inputs.ts";
import { type Choice, Session } from "./session.ts";

const address = readAddress(location.href);
const form = byId("settings") as HTMLFormElement;
const canvas = byId("preview") as HTMLCanvasElement;
const log = new InputLog();
let session: Session | undefined;

const notes: Readonly<Record<Choice["content"], string>> = {
  demo: "A desk that mostly stands still; it shows what players do on it.",
  screen: "Your screen, a window or a tab; the browser asks which.",
  camera: "Your camera; the browser asks which.",
  signal: "Balls on springs as JSON, about 2 kB/s; players draw them, and may pull them.",
  neural: "The parameters of a distance function; each player computes the picture.",
};

function choice(): Choice {
  const data = new FormData(form);
  const text = (name: string) => String(data.get(name) ?? "");
  const [width = 640, height = 360] = text("size").split("x").map(Number);
  return {
    content: text("content") as Choice["content"],
    mode: text("mode") as Choice["mode"],
    width,
    height,
    fps: Math.max(1, Math.min(60, Number(text("fps")) || 30)),
    bitrateBps: Number(text("bitrate")),
    sound: text("sound") as Choice["sound"],
    codec: text("codec") as Choice["codec"],
    takesOver: data.has("takeover"),
  };
}

function showChoice(): void {
  const { content, mode } = choice();
  setText(byId("content-note"), notes[content]);
  byId("picture-settings").hidden = content === "signal" || content === "neural";
  byId("bitrate-field").hidden = !["h264", "vp8", "vp9", "av1", "hybrid"].includes(mode);
}

function say(state: "idle" | "wait" | "live" | "lost", text: string): void {
  const pill = byId("state");
  setText(pill, text);
  pill.dataset.state = state === "idle" ? "wait" : state;
  document.body.dataset.state = state;
}

function problem(text: string | undefined): void {
  byId("notice").hidden = text === undefined;
  setText(byId("notice"), text ?? "");
}

function connection(
  state: SocketState,
  { retryMs = 0, code }: { readonly retryMs?: number; readonly code?: number },
): void {
  if (state === "connecting") say("wait", "Connecting");
  else if (state === "open") {
    say("live", "Publishing");
    problem(undefined);
  } else if (state === "waiting") {
    say("lost", `Trying again in ${Math.round(retryMs / 1000)} s`);
    problem(
      "The relay does not answer or refuses this page: another source may be on the channel, or a key may be wanted.",
    );
  } else if (code === 4409) {
    stop();
    problem("Another source took over the channel.");
  }
}

async function start(): Promise<void> {
  problem(undefined);
  // Read first: what is disabled is not in a form's data.
  const chosen = choice();
  lockForm(true);
  say("wait", "Starting");
  const events = {
    state: connection,
    input: (message: Uint8Array) => {
      const event = decodeFrame(message);
      if (!event.ok || event.value.kind !== "input") return;
      log.add(event.value);
      session?.input(event.value);
    },
  };
  const made = await Session.start(address, chosen, canvas, events, problem, stop);
  if (typeof made === "string") {
    stop();
    problem(made);
    return;
  }
  session = made;
  setText(byId("start"), "Stop publishing");
  (byId("start") as HTMLButtonElement).disabled = false;
}

function stop(): void {
  session?.stop();
  session = undefined;
  lockForm(false);
  byId("pause").setAttribute("aria-pressed", "false");
  setText(byId("start"), "Start publishing");
  say("idle", "Not publishing");
}

/** While publishing nothing but the session's own buttons can be used. */
function lockForm(isLocked: boolean): void {
  for (const node of form.querySelectorAll<HTMLInputElement | HTMLSelectElement>("input, select"))
    node.disabled = isLocked;
  for (const id of ["pause", "keyframe"]) (byId(id) as HTMLButtonElement).disabled = !isLocked;
  (byId("start") as HTMLButtonElement).disabled = isLocked;
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  if (session) stop();
  else void start();
});
form.addEventListener("change", showChoice);
byId("pause").addEventListener("click", () => {
  if (!session) return;
  session.isPaused = !session.isPaused;
  byId("pause").setAttribute("aria-pressed", String(session.isPaused));
});
byId("keyframe").addEventListener("click", () => session?.beginAnew());
addEventListener("pagehide", stop);

function showFigures(): void {
  const now = performance.now();
  const of = session;
  const rows: [string, string][] = [
    ["Pictures", of ? `${decimals(of.meters.pictures.perSecond(now), 1)} / s` : "–"],
    ["Bit rate", of ? bits(of.meters.bytes.perSecond(now) * 8) : "–"],
    ["Sent", of ? bytes(of.meters.bytes.total) : "–"],
    ["Skipped", of ? String(of.publisher.skipped) : "–"],
    ["Waiting", of ? bytes(of.publisher.waitingBytes) : "–"],
    ["Direct players", of ? String(of.publisher.directPlayers) : "–"],
    ["Reconnects", of ? String(of.publisher.reconnects) : "–"],
    ["Inputs", String(log.total)],
  ];
  whenChanged(byId("figures"), rows, () =>
    rows.map(([term, value]) => element("div", {}, element("dt", {}, term), element("dd", {}, value))),
  );
}

setText(byId("channel"), address.channel);
document.title = `${address.channel} – Patchbay publisher`;
const link = byId("player-link") as HTMLAnchorElement;
link.href = `/player/${address.channel}${location.search}${location.hash}`;
setText(link, `${location.origin}/player/${address.channel}`);
showChoice();
showFigures();
setInterval(showFigures, 500);

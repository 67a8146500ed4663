/** The viewer on the status page's address: who gets in, that the host works only while somebody watches, and what goes to and fro. */
import { afterEach, beforeEach, expect, test } from "bun:test";
import { createLog } from "../base/log.ts";
import type { HostStats } from "../host/stats.ts";
import { buildCompressedPixels, buildKeyDown, decodeFrame } from "../wire/ds.ts";
import { type Dashboard, startDashboard } from "./server.ts";

class Screen {
  events: string[] = [];
  inputs: Uint8Array[] = [];
  changed: () => void = () => undefined;
  send: (message: Uint8Array<ArrayBuffer>) => boolean = () => false;
  note(event: string): void {
    this.events.push(event);
    this.changed();
  }
  until(event: string): Promise<void> {
    return new Promise((resolve) => {
      this.changed = () => {
        if (this.events.includes(event)) resolve();
      };
      this.changed();
    });
  }
}

let screen: Screen;
let dashboard: Dashboard;
let token: string;
let origin: string;
let sockets: WebSocket[] = [];

beforeEach(() => {
  screen = new Screen();
  const started = startDashboard({
    address: "127.0.0.1",
    port: 0,
    stats: () => ({}) as HostStats,
    log: createLog("test"),
    screen: {
      screen: ({ send }) => {
        screen.send = send;
        return {
          start: () => screen.note("start"),
          stop: () => screen.note("stop"),
          receive: (message) => {
            screen.inputs.push(message.slice());
            screen.note("input");
          },
        };
      },
      stills: () => ({ start: () => screen.note("stills"), stop: () => screen.note("no stills") }),
      requestKeyframe: () => screen.note("keyframe"),
    },
  });
  if (!started.ok) throw new Error(started.message);
  dashboard = started.value;
  const url = new URL(dashboard.viewerUrl ?? "");
  origin = url.origin;
  token = url.searchParams.get("token") ?? "";
});
afterEach(async () => {
  for (const socket of sockets) socket.close();
  sockets = [];
  await dashboard.close();
});

const upgrade = {
  connection: "Upgrade",
  upgrade: "websocket",
  "sec-websocket-version": "13",
  "sec-websocket-key": "MDEyMzQ1Njc4OWFiY2RlZg==",
};
const cookie = () => ({ cookie: `patchbay_${new URL(origin).port}=${token}` });
const status = async (path: string, headers: Record<string, string> = {}): Promise<number> =>
  (await fetch(origin + path, { headers, redirect: "manual" })).status;

async function open(path = "/stream/screen"): Promise<{ socket: WebSocket; messages: Uint8Array[] }> {
  // Bun takes more than the browsers' type says.
  const options = { headers: { ...cookie(), origin } } as unknown as string[];
  const socket = new WebSocket(origin.replace("http", "ws") + path, options);
  socket.binaryType = "arraybuffer";
  sockets.push(socket);
  const messages: Uint8Array[] = [];
  socket.addEventListener("message", ({ data }) => {
    if (data instanceof ArrayBuffer) messages.push(new Uint8Array(data));
  });
  await new Promise((resolve, reject) => {
    socket.onopen = resolve;
    socket.onerror = () => reject(new Error("refused"));
  });
  return { socket, messages };
}

test("on loopback too, nobody watches without the token, and no foreign page even with it", async () => {
  expect(await status("/api/stats")).toBe(200);
  for (const path of ["/player/screen", "/player/screen?token=wrong", "/assets/x.js"])
    expect(await status(path)).toBe(401);
  expect(await status("/stream/screen", upgrade)).toBe(401);
  expect(await status("/signal/screen", upgrade)).toBe(401);
  expect(await status("/stream/screen?key=x", { ...upgrade, authorization: "Bearer x" })).toBe(401);
  expect(await status("/stream/screen", { ...upgrade, ...cookie(), origin: "http://127.0.0.1:1" })).toBe(403);
  expect(await status("/stream/screen", { ...upgrade, ...cookie(), host: "evil.example" })).toBe(421);
  expect(screen.events).toEqual([]);
});

test("with the token the page is there; nobody publishes, and there are no other channels", async () => {
  const entered = await fetch(dashboard.viewerUrl ?? "", { redirect: "manual" });
  expect([entered.status, entered.headers.get("location")]).toEqual([303, "/player/screen"]);
  expect(entered.headers.get("set-cookie")).toMatch(/HttpOnly; SameSite=Strict/);
  const page = await fetch(`${origin}/player/screen`, { headers: cookie() });
  expect(page.headers.get("content-type")).toContain("text/html");
  const asset = /\/assets\/[^"]+\.js/.exec(await page.text())?.[0] ?? "";
  expect(await status(asset, cookie())).toBe(200);
  expect((await fetch(`${origin}/player/screen`, { method: "POST", headers: cookie() })).status).toBe(405);
  for (const path of ["/source/screen", "/source/screen?takeover=1", "/stream/other", "/stream", "/"])
    expect(await status(path, { ...upgrade, ...cookie() })).toBe(403);
});

const picture = (sequence: number, isKeyframe: boolean) =>
  buildCompressedPixels(sequence, 5, 2, 2, "h264", Uint8Array.of(0, 0, 1, 0x65, sequence), isKeyframe);
const sequences = (messages: readonly Uint8Array[]) =>
  messages.map((bytes) => {
    const decoded = decodeFrame(bytes);
    return decoded.ok && decoded.value.kind === "frame" && decoded.value.name === "compressedPixels"
      ? decoded.value.sequence
      : -1;
  });
async function arrived(messages: readonly Uint8Array[], ...wanted: number[]): Promise<void> {
  const end = performance.now() + 5000;
  while (!wanted.every((one) => sequences(messages).includes(one)) && performance.now() < end) await Bun.sleep(5);
  expect(sequences(messages).filter((one) => one >= 0)).toEqual(wanted);
}

test("the host works while somebody watches; who comes late has the whole picture at once", async () => {
  const first = await open();
  await screen.until("start");
  screen.send(picture(1, true));
  screen.send(picture(2, false));
  const late = await open();
  await arrived(late.messages, 1, 2);
  screen.send(picture(3, false));
  await arrived(first.messages, 1, 2, 3);
  await arrived(late.messages, 1, 2, 3);
  expect(screen.events.filter((event) => event === "start")).toEqual(["start"]);
  first.socket.close();
  late.socket.close();
  await screen.until("stop");
  // What was shown to them is not shown to the next.
  screen.events = [];
  const next = await open();
  await screen.until("start");
  screen.send(picture(4, true));
  await arrived(next.messages, 4);
});

test("input arrives, and what a vanished browser held is let go", async () => {
  const { socket } = await open();
  await screen.until("start");
  const press = buildKeyDown(0, 0, 30, 0, false);
  socket.send(press);
  await screen.until("input");
  expect(screen.inputs).toEqual([press]);
  // The release comes as an event of the browser that is gone, so that another one's keys stay down.
  await open();
  screen.events = [];
  socket.close();
  await screen.until("input");
  expect(screen.events).toEqual(["input"]);
  expect(decodeFrame(screen.inputs[1] as Uint8Array)).toMatchObject({ value: { name: "keyUp", fields: { code: 30 } } });
});

test("the room tells the stream's time to the one who asked, and passes on who needs a keyframe", async () => {
  const { socket } = await open("/signal/screen");
  const answer = new Promise<string>((resolve) =>
    socket.addEventListener("message", ({ data }) => resolve(String(data)), { once: true }),
  );
  socket.send("not a note");
  socket.send(JSON.stringify({ patchbay: 1, type: "keyframe", from: "abcdefgh" }));
  socket.send(JSON.stringify({ patchbay: 1, type: "clock", from: "abcdefgh", at: 7 }));
  expect(JSON.parse(await answer)).toMatchObject({ type: "clock", to: "abcdefgh", at: 7, stream: expect.any(Number) });
  expect(screen.events).toEqual(["keyframe"]);
});

test("stills are made while somebody takes them", async () => {
  const { socket } = await open("/stream/screen.stills");
  await screen.until("stills");
  socket.close();
  await screen.until("no stills");
  expect(screen.events).not.toContain("start");
});

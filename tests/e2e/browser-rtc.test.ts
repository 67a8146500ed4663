/** The direct path in a real browser: the upgrade on loopback, a cut that loses nothing, and several players at once. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { agree, BrowserWorld, counts, hasChromium, isLive, publish, until, waitBody } from "./browser-world.ts";
import { cleanUp } from "./processes.ts";

const slow = 60_000;
let world: BrowserWorld;
beforeAll(async () => {
  if (hasChromium) world = await BrowserWorld.open();
}, slow);
afterAll(() => world?.close(), slow);
afterAll(cleanUp);

/** Keeps a page's peer connections where a test can cut them. */
const keepPeers = `
  globalThis.peers = [];
  const Real = RTCPeerConnection;
  globalThis.RTCPeerConnection = class extends Real {
    constructor(...all) { super(...all); globalThis.peers.push(this); }
  };
`;
const noPeers = `globalThis.RTCPeerConnection = class { constructor() { throw new Error("no peers here"); } };`;

describe.skipIf(!hasChromium)("WebRTC", () => {
  test(
    "two players are upgraded, cut, and lose nothing",
    async () => {
      const source = await world.page("/publish/direct", {}, keepPeers);
      await publish(source, { mode: "delta" });
      const players = [await world.page("/player/direct"), await world.page("/player/direct")];
      for (const player of players) {
        await isLive(player);
        await waitBody(player, "path", "webrtc", 10_000);
        await until("direct pictures", async () => (await counts(player)).webrtc > 5);
      }
      await source.waitForFunction(() =>
        /Direct players\s*2/.test(document.querySelector("#figures")?.textContent ?? ""),
      );
      await source.evaluate(() => {
        for (const peer of (globalThis as unknown as { peers: RTCPeerConnection[] }).peers) peer.close();
      });
      for (const player of players) {
        await waitBody(player, "path", "websocket");
        const { websocket } = await counts(player);
        await until("pictures over the relay", async () => (await counts(player)).websocket > websocket + 5);
        expect(await player.getAttribute("body", "data-state")).toBe("live");
      }
      for (const player of players) expect(await agree(source, player)).toBe(Number.POSITIVE_INFINITY);
      expect(world.errors).toEqual([]);
    },
    2 * slow,
  );

  test(
    "the direct path is taken again by a source that was loaded anew",
    async () => {
      const source = await world.page("/publish/anew");
      const player = await world.page("/player/anew");
      await publish(source, { mode: "delta" });
      await waitBody(player, "path", "webrtc", 15_000);
      await source.reload();
      await publish(source, { mode: "delta" });
      await until("a second upgrade", async () => {
        const isDirect = (await player.getAttribute("body", "data-path")) === "webrtc";
        return isDirect && /Direct players\s*1/.test((await source.textContent("#figures")) ?? "");
      });
      expect(await agree(source, player)).toBe(Number.POSITIVE_INFINITY);
    },
    slow,
  );

  test(
    "a player without WebRTC stays on the WebSocket",
    async () => {
      const source = await world.page("/publish/refused");
      await publish(source, { mode: "delta" });
      const player = await world.page("/player/refused", {}, noPeers);
      await isLive(player);
      await until("many pictures", async () => (await counts(player)).websocket > 20);
      expect(await player.getAttribute("body", "data-path")).toBe("websocket");
      expect(await agree(source, player)).toBe(Number.POSITIVE_INFINITY);
    },
    slow,
  );
});

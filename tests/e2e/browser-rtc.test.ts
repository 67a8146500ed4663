/** The direct path in a real browser: the upgrade on loopback, a cut that loses nothing, and several players at once. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import type { Page } from "playwright-core";
import { keepPeers, noPath, noPeers } from "./browser-hooks.ts";
import { agree, BrowserWorld, counts, hasChromium, isLive, publish, until, waitBody } from "./browser-world.ts";
import { cleanUp } from "./processes.ts";

const slow = 60_000;
let world: BrowserWorld;
beforeAll(async () => {
  if (hasChromium) world = await BrowserWorld.open();
}, slow);
afterEach(() => world?.closePages(), slow);
afterAll(() => world?.close(), slow);
afterAll(cleanUp);

/** Keeps the sequences of pictures shown. */
const keepSequences = `
  globalThis.sequences = [];
  document.addEventListener("stream_frame", ({ detail }) => globalThis.sequences.push(detail.sequence));
`;

interface Heard {
  readonly helloes: number[];
  readonly openings: number[];
  readonly sequences: number[];
}

const look = (page: Page): Promise<Heard> =>
  page.evaluate(() => {
    const { helloes, openings, sequences } = globalThis as unknown as Heard;
    return { helloes, openings, sequences };
  });

// Without Chromium: install the Debian package chromium.
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
    "pictures come at once, directly within 5 s; a data channel closed in mid-stream loses none, and is made again",
    async () => {
      const source = await world.page("/publish/cut");
      await publish(source, { mode: "delta" });
      const cut = await world.page("/player/cut", {}, keepPeers + keepSequences);
      const unreachable = await world.page("/player/cut", {}, noPath + keepPeers + keepSequences);
      await waitBody(cut, "path", "webrtc", 10_000);
      const heard = await look(cut);
      expect((await counts(cut)).websocket).toBeGreaterThan(0);
      expect((heard.openings[0] as number) - (heard.helloes[0] as number)).toBeLessThan(5000);
      expect(heard.helloes.length).toBe(1);
      await cut.evaluate(() => (globalThis as unknown as Heard & { channels: RTCDataChannel[] }).channels[0]?.close());
      await waitBody(cut, "path", "websocket");
      const { websocket } = await counts(cut);
      await until("pictures over the relay", async () => (await counts(cut)).websocket > websocket + 10);
      // It says hello again after five seconds.
      await waitBody(cut, "path", "webrtc", 15_000);
      expect((await look(cut)).openings.length).toBe(2);
      // Who cannot be reached gives up after five seconds and asks again five later.
      await until("a second hello", async () => (await look(unreachable)).helloes.length >= 2);
      expect(await unreachable.getAttribute("body", "data-path")).toBe("websocket");
      for (const player of [cut, unreachable]) {
        const { sequences } = await look(player);
        expect(sequences.length).toBeGreaterThan(30);
        for (const [i, sequence] of sequences.entries())
          if (i > 0) expect((sequence - (sequences[i - 1] as number)) & 0xffff).toBeLessThan(0x8000);
        expect(await agree(source, player)).toBe(Number.POSITIVE_INFINITY);
        expect(await player.getAttribute("body", "data-state")).toBe("live");
      }
      expect(world.errors).toEqual([]);
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

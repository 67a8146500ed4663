/** The meter's two programs together: what one paints on a display, the other reads from it, frame by frame. */
import { afterAll, expect, test } from "bun:test";
import { cleanUp } from "./children.ts";
import { buildTool, median, openDisplay, paint, read, untilSeen } from "./meter.ts";
import { isBound } from "./streamers.ts";

afterAll(cleanUp);

test("the reader reads each frame that the painter paints on the same display", async () => {
  const [painter, reader] = [await buildTool("paint"), await buildTool("read")];
  const display = await openDisplay(1000, 300);
  const painting = paint(painter, display.name, { width: 0, height: 0, fps: 20, mode: "video" });
  await untilSeen(reader, display.name, [painting]);
  const reading = await read(reader, display.name, 1.5);
  expect(reading.frames).toBeGreaterThan(1);
  expect(reading.unreadable).toBe(0);
  expect(reading.backwards).toBe(0);
  expect(reading.latency.min).toBeGreaterThanOrEqual(0);
  expect(reading.latency.min).toBeLessThanOrEqual(reading.latency.p50);
  expect(reading.latency.p50).toBeLessThanOrEqual(reading.latency.max);
}, 30_000);

test("a display without a timecode is told apart from one that cannot be read", async () => {
  const reader = await buildTool("read");
  const display = await openDisplay(1000, 300);
  await expect(read(reader, display.name, 0.3)).rejects.toThrow("no timecode seen");
  await expect(read(reader, ":39999", 0.3)).rejects.toThrow("cannot be opened");
}, 30_000);

test("the median of an even number of values lies between the middle ones", () => {
  expect(median([4, 1, 3])).toBe(3);
  expect(median([4, 1, 3, 2])).toBe(2.5);
});

test("a bound UDP port is found without sending anything to it", async () => {
  const socket = await Bun.udpSocket({ hostname: "127.0.0.1" });
  expect(isBound("udp", socket.port)).toBe(true);
  const port = socket.port;
  socket.close();
  expect(isBound("udp", port)).toBe(false);
});

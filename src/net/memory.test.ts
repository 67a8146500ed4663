/** The seeded network: what each setting does, and that a seed decides everything. */
import { describe, expect, test } from "bun:test";
import { ManualClock } from "../base/clock.ts";
import { type LinkSettings, MemoryNetwork } from "./memory.ts";

/** Sends `count` numbered packets from a to b, one each millisecond; returns "number@time" in order of arrival. */
function trace(
  seed: number,
  link: Partial<LinkSettings>,
  count = 1000,
  during?: (network: MemoryNetwork, i: number) => void,
) {
  const clock = new ManualClock();
  const network = new MemoryNetwork({ seed, clock, link });
  const arrived: { number: number; atUs: number }[] = [];
  network.listen("b", (packet, from, nowUs) => {
    expect(from).toBe("a");
    arrived.push({ number: (packet[0] as number) | ((packet[1] as number) << 8), atUs: nowUs });
  });
  const packet = new Uint8Array(2);
  for (let i = 0; i < count; i++) {
    during?.(network, i);
    packet[0] = i;
    packet[1] = i >> 8;
    network.send("a", "b", packet);
    network.run(clock, 1000);
  }
  network.run(clock, 10_000_000);
  return { arrived, numbers: arrived.map(({ number }) => number), counts: network.counts };
}

const inOrder = (count: number) => Array.from({ length: count }, (_, i) => i);

describe("memory network", () => {
  test("a perfect link delivers everything at once and in order", () => {
    const { arrived } = trace(1, {}, 100);
    expect(arrived).toEqual(inOrder(100).map((number) => ({ number, atUs: number * 1000 })));
  });

  test("delay moves every packet by the same time", () => {
    const { arrived } = trace(1, { delayUs: 2500 }, 100);
    expect(arrived).toEqual(inOrder(100).map((number) => ({ number, atUs: number * 1000 + 2500 })));
  });

  test("loss, duplication and reordering come at about their shares and are counted", () => {
    const lossy = trace(2, { loss: 0.1 });
    expect(lossy.counts.lost).toBeGreaterThan(60);
    expect(lossy.counts.lost).toBeLessThan(150);
    expect(lossy.arrived.length).toBe(1000 - lossy.counts.lost);

    const doubled = trace(3, { duplicate: 0.2 });
    expect(doubled.arrived.length).toBe(1000 + doubled.counts.duplicated);
    expect(doubled.counts.duplicated).toBeGreaterThan(140);
    expect(new Set(doubled.numbers).size).toBe(1000);

    const reordered = trace(4, { reorder: 0.1, reorderUs: 5500 });
    expect(reordered.numbers).not.toEqual(inOrder(1000));
    expect(reordered.numbers.toSorted((a, b) => a - b)).toEqual(inOrder(1000));

    const jittered = trace(5, { jitterUs: 3000 });
    expect(jittered.numbers).not.toEqual(inOrder(1000));
    expect(jittered.numbers.toSorted((a, b) => a - b)).toEqual(inOrder(1000));
  });

  test("a partition cuts what is on its way and what is sent, until it is healed", () => {
    const { numbers, counts } = trace(6, { delayUs: 2500 }, 100, (network, i) => {
      if (i === 20) network.partition("b", "a", true);
      if (i === 40) network.partition("a", "b", false);
    });
    expect(numbers).toEqual(inOrder(100).filter((i) => i < 18 || i >= 38));
    expect(counts.cut).toBe(20);
  });

  test("the seed decides everything", () => {
    const rough = { delayUs: 1000, jitterUs: 4000, loss: 0.05, duplicate: 0.05, reorder: 0.05, reorderUs: 9000 };
    expect(trace(7, rough)).toEqual(trace(7, rough));
    expect(trace(7, rough).numbers).not.toEqual(trace(8, rough).numbers);
  });

  test("one direction has settings of its own", () => {
    const { arrived } = trace(9, {}, 10, (network, i) => i === 0 && network.setLink("a", "b", { delayUs: 700 }));
    expect(arrived[0]).toEqual({ number: 0, atUs: 700 });
  });

  test("nobody listening, a place taken twice, too much on its way", () => {
    const clock = new ManualClock();
    const network = new MemoryNetwork({ seed: 1, clock, limit: 2 });
    expect(network.listen("b", () => undefined)).toBe(true);
    expect(network.listen("b", () => undefined)).toBe(false);
    network.leave("b");
    for (let i = 0; i < 3; i++) network.send("a", "b", new Uint8Array(1));
    expect(network.deliver()).toBe(0);
    expect(network.counts).toMatchObject({ sent: 3, unreachable: 2, overflowed: 1 });
  });
});

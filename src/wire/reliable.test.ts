import { expect, test } from "bun:test";
import { limits } from "../base/limits.ts";
import { Prng } from "../base/prng.ts";
import { ReliableReceiver, ReliableSender } from "./reliable.ts";

test("everything arrives once and in order through loss, delay and repetition", () => {
  const random = new Prng(3);
  const sender = new ReliableSender();
  const receiver = new ReliableReceiver();
  const delivered: number[] = [];
  let air: { at: number; sequence: number; value: number }[] = [];
  let acks: { at: number; next: number }[] = [];
  let now = 0;
  const emit = (sequence: number, _type: number, payload: Uint8Array) => {
    for (let copies = random.below(3); copies > 0; copies--)
      air.push({ at: now + random.below(30_000), sequence, value: payload[0] as number });
  };
  for (let sent = 0; delivered.length < 200; now += 5000) {
    if (sent < 200 && sender.push(4, Uint8Array.of(sent), now, emit)) sent++;
    for (const packet of air.filter((p) => p.at <= now)) {
      if (receiver.accept(packet.sequence)) delivered.push(packet.value);
      if (random.below(2)) acks.push({ at: now + random.below(30_000), next: receiver.nextExpected });
    }
    air = air.filter((p) => p.at > now);
    for (const ack of acks.filter((a) => a.at <= now)) sender.acknowledge(ack.next);
    acks = acks.filter((a) => a.at > now);
    sender.tick(now, 10_000, emit);
    if (now > 100_000_000) break;
  }
  expect(delivered).toEqual(Array.from({ length: 200 }, (_, i) => i));
});

test("a peer that never acknowledges fills the window and no more", () => {
  const sender = new ReliableSender();
  for (let i = 0; i < limits.reliableWindow; i++) expect(sender.push(5, new Uint8Array(5), 0, () => {})).toBe(true);
  expect(sender.push(5, new Uint8Array(5), 0, () => {})).toBe(false);
  let repeated = 0;
  sender.tick(1_000_000, 0, () => repeated++);
  expect(repeated).toBe(32);
});

test("an acknowledgement of what was never sent changes nothing", () => {
  const sender = new ReliableSender();
  sender.push(5, new Uint8Array(5), 0, () => {});
  sender.acknowledge(9);
  expect(sender.unacknowledged).toBe(1);
  sender.acknowledge(1);
  expect(sender.unacknowledged).toBe(0);
});

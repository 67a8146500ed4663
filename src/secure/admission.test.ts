import { describe, expect, test } from "bun:test";
import { limits } from "../base/limits.ts";
import { Admission } from "./admission.ts";

interface Half {
  readonly id: number;
}

function admission() {
  const released: number[] = [];
  return { released, guard: new Admission<Half>((half) => released.push(half.id)) };
}

/** Offers a first message and begins when it is admitted. */
function offer(guard: Admission<Half>, id: number, proved: boolean, nowUs: number) {
  const decision = guard.decide(proved, nowUs);
  if (decision === "answer") guard.begin(id, id, proved, { id }, nowUs);
  return decision;
}

const places = limits.handshakesInProgress;
const rate = limits.handshakesPerSecond;

describe("Admission", () => {
  test("few are answered at once, more are asked for a cookie", () => {
    const { guard } = admission();
    for (let i = 0; i < rate; i++) expect(offer(guard, i, false, 0)).toBe("answer");
    expect(offer(guard, rate, false, 0)).toBe("ask-cookie");
    expect(offer(guard, rate, true, 0)).toBe("answer");
    expect(offer(guard, rate + 1, false, 1_000_000 / rate)).toBe("answer");
    expect(offer(guard, rate + 2, false, 1_000_000 / rate)).toBe("ask-cookie");
  });

  test("a known handshake is found by address and connection, until it ends", () => {
    const { guard, released } = admission();
    offer(guard, 5, false, 0);
    expect(guard.find(5, 5)).toEqual({ id: 5 });
    expect(guard.find(5, 6)).toBeUndefined();
    expect(guard.find(6, 5)).toBeUndefined();
    expect(guard.end(5, 5)).toEqual({ id: 5 });
    expect(guard.end(5, 5)).toBeUndefined();
    expect(guard.find(5, 5)).toBeUndefined();
    expect(guard.size).toBe(0);
    expect(released).toEqual([]);
  });

  test("what takes too long is given up", () => {
    const { guard, released } = admission();
    offer(guard, 1, false, 0);
    guard.expire(limits.handshakeTimeoutUs - 1);
    expect(guard.size).toBe(1);
    guard.expire(limits.handshakeTimeoutUs);
    expect(guard.size).toBe(0);
    expect(released).toEqual([1]);
  });

  test("with a full table a good cookie displaces the oldest without, and is not displaced itself", () => {
    const { guard, released } = admission();
    let nowUs = 0;
    for (let i = 0; i < places; i++) {
      nowUs += 1_000_000 / rate;
      expect(offer(guard, i, false, nowUs)).toBe("answer");
    }
    expect(offer(guard, 1000, false, nowUs)).toBe("ask-cookie");
    for (let i = 0; i < places; i++) {
      nowUs += 1_000_000 / rate;
      expect(offer(guard, 2000 + i, true, nowUs)).toBe("answer");
    }
    expect(released).toEqual(Array.from({ length: places }, (_, i) => i));
    nowUs += 1_000_000 / rate;
    expect(offer(guard, 3000, true, nowUs)).toBe("drop");
    expect(offer(guard, 3001, false, nowUs)).toBe("ask-cookie");
    expect(guard.size).toBe(places);
  });

  test("1e5 forged first messages a second take no memory, and one who proves its address gets through", () => {
    const { guard, released } = admission();
    const counts = { answer: 0, "ask-cookie": 0, drop: 0 };
    for (let i = 0; i < 1e5; i++) {
      counts[offer(guard, i, false, i * 10)]++;
      expect(guard.size <= places).toBe(true);
      if (i === 50_000) expect(offer(guard, -1, true, i * 10)).toBe("answer");
    }
    expect(guard.find(-1, -1)).toEqual({ id: -1 });
    expect(counts.drop).toBe(0);
    expect(counts.answer).toBeLessThanOrEqual(2 * rate);
    expect(counts.answer + counts["ask-cookie"]).toBe(1e5);
    guard.close();
    expect(released.length).toBe(counts.answer + 1);
    expect(guard.size).toBe(0);
  });

  test("a flood with good cookies is held to the same rate", () => {
    const { guard } = admission();
    let answered = 0;
    for (let i = 0; i < 10_000; i++) {
      if (offer(guard, i, true, 100 * i) !== "answer") continue;
      answered++;
      guard.end(i, i);
    }
    expect(answered).toBeLessThanOrEqual(2 * rate);
    expect(answered).toBeGreaterThanOrEqual(rate);
  });

  test("beginning what was not admitted is a programmer's error", () => {
    const { guard } = admission();
    for (let i = 0; i < places; i++) guard.begin(i, i, true, { id: i }, 0);
    expect(() => guard.begin(99, 99, true, { id: 99 }, 0)).toThrow("admit");
    guard.begin(1, 1, true, { id: 100 }, 0);
    expect(guard.find(1, 1)).toEqual({ id: 100 });
  });
});

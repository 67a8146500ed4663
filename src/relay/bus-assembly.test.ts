/** Pieces put together: in order, whole or not at all, within the budget. */
import { beforeEach, expect, test } from "bun:test";
import { Counters } from "../base/counters.ts";
import { Prng } from "../base/prng.ts";
import { type BusPiece, busKind, busMessages, readBusMessage } from "../wire/bus.ts";
import { BusAssembly } from "./bus-assembly.ts";
import { busLimits } from "./bus-limits.ts";
import { ByteBudget } from "./byte-budget.ts";

let budget: ByteBudget;
let drops: Counters;
let assembly: BusAssembly;
beforeEach(() => {
  budget = new ByteBudget(10_000);
  drops = new Counters();
  assembly = new BusAssembly(budget, drops);
});

const body = (size: number) => new Prng(size).bytes(size);
function pieces(of: Uint8Array, channel = "x", sequence = 1, origin = 5): BusPiece[] {
  return [...busMessages({ kind: busKind.frame, origin, channel, epoch: 1, sequence }, of, 133)].map((message) => {
    const read = readBusMessage(message);
    if (!read.ok) throw new Error(read.error);
    return read.value;
  });
}
const pushAll = (list: readonly BusPiece[], nowUs = 0) =>
  list.map((piece) => assembly.push(piece, nowUs)).filter((whole) => whole !== undefined);

test("bodies of all sizes come out as they went in, and leave nothing", () => {
  for (const size of [0, 1, 99, 100, 101, 200, 201, 950]) expect(pushAll(pieces(body(size)))).toEqual([body(size)]);
  expect([budget.used, assembly.size, drops.toJSON()]).toEqual([0, 0, {}]);
});

test("bodies of several channels and relays come in between each other", () => {
  const all = [pieces(body(300)), pieces(body(301), "y"), pieces(body(302), "x", 1, 6)];
  const mixed = [0, 1, 2, 3].flatMap((index) => all.map((list) => list[index]).filter((piece) => piece !== undefined));
  expect(pushAll(mixed)).toEqual([body(300), body(301), body(302)]);
});

test("a missing, doubled or foreign piece ends its body, and the next one is whole", () => {
  const [a, b, c] = pieces(body(300)) as [BusPiece, BusPiece, BusPiece];
  const other = pieces(body(300), "x", 2)[1] as BusPiece;
  for (const broken of [
    [a, c],
    [a, a, b, b, c],
    [a, other, b, c],
    [b, c],
  ]) {
    expect(pushAll(broken)).toEqual([]);
    expect(pushAll(pieces(body(250)))).toEqual([body(250)]);
    expect(budget.used).toBe(0);
  }
});

test("no more bodies are begun than fit the budget and the table", () => {
  expect(pushAll(pieces(body(9000), "x"))).toHaveLength(1);
  assembly.push(pieces(body(9000), "y")[0] as BusPiece, 0);
  expect(pushAll(pieces(body(2000), "z"))).toEqual([]);
  expect(budget.used).toBe(9000);
  expect(drops.get("bus-memory-full")).toBe(1);
  assembly.expire(0, () => true);
  expect([budget.used, assembly.size]).toEqual([0, 0]);
  const wide = new BusAssembly(new ByteBudget(1e9), drops);
  for (let n = 0; n < 2 * busLimits.partials; n++) wide.push(pieces(body(300), `c${n}`)[0] as BusPiece, 0);
  expect(wide.size).toBe(busLimits.partials);
});

test("what stops coming is given up", () => {
  assembly.push(pieces(body(300))[0] as BusPiece, 0);
  assembly.expire(busLimits.partialTimeoutUs, () => false);
  expect(assembly.size).toBe(1);
  assembly.expire(busLimits.partialTimeoutUs + 1, () => false);
  expect([assembly.size, budget.used, drops.get("bus-incomplete")]).toEqual([0, 0, 1]);
});

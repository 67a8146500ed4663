import { expect, test } from "bun:test";
import { lockKey } from "../wire/root.ts";
import { LockKeys } from "./locks.ts";

const [A, CAPS, NUM] = [30, 58, 69];
const [numLamp, capsLamp] = [0, 1];

test("nothing is pressed while either side's lamps are not known", () => {
  const locks = new LockKeys();
  locks.here(capsLamp, true);
  expect(locks.before(A)).toEqual([]);
  const other = new LockKeys();
  other.there(lockKey.caps | lockKey.scroll);
  expect(other.before(A)).toEqual([]);
});

test("a lock that was turned on elsewhere is turned on at the host before the next key, once", () => {
  const locks = new LockKeys();
  locks.there(lockKey.num);
  locks.here(capsLamp, true);
  locks.here(numLamp, false);
  expect(locks.before(A)).toEqual([CAPS, NUM]);
  expect(locks.before(A)).toEqual([]);
  locks.there(lockKey.caps);
  expect(locks.before(A)).toEqual([]);
});

test("who presses the lock itself has pressed it, though the host's answer is still on its way", () => {
  const locks = new LockKeys();
  locks.there(0);
  locks.here(capsLamp, false);
  expect(locks.before(CAPS)).toEqual([]);
  locks.here(capsLamp, true);
  expect(locks.before(A)).toEqual([]);
  locks.there(lockKey.caps);
  expect(locks.before(A)).toEqual([]);
  expect(locks.before(CAPS)).toEqual([]);
  locks.here(capsLamp, false);
  expect(locks.before(A)).toEqual([]);
});

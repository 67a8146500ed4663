import { expect, test } from "bun:test";
import { CookieJar, cookieBytes } from "./cookie.ts";

const address = Uint8Array.of(192, 0, 2, 1, 0x26, 0x94);
const minuteUs = 60_000_000;

test("a cookie fits its address and connection id, and nothing else", () => {
  const jar = new CookieJar();
  const cookie = jar.make(address, 7, 0);
  expect(cookie.length).toBe(cookieBytes);
  expect(jar.verify(cookie, address, 7, 1)).toBe(true);
  expect(jar.verify(cookie, address, 8, 1)).toBe(false);
  expect(jar.verify(cookie, Uint8Array.of(192, 0, 2, 2, 0x26, 0x94), 7, 1)).toBe(false);
  expect(jar.verify(cookie, Uint8Array.of(...address, 0), 7, 1)).toBe(false);
  expect(jar.verify(new Uint8Array(cookieBytes), address, 7, 1)).toBe(false);
  expect(jar.verify(cookie.subarray(1), address, 7, 1)).toBe(false);
  for (let i = 0; i < cookieBytes; i++) {
    const changed = cookie.slice();
    changed[i] = (changed[i] as number) ^ 1;
    expect(jar.verify(changed, address, 7, 1)).toBe(false);
  }
});

test("it is good for 2 to 4 minutes", () => {
  const jar = new CookieJar();
  const early = jar.make(address, 1, 0);
  const late = jar.make(address, 1, 2 * minuteUs - 1);
  expect(late).toEqual(early);
  expect(jar.verify(early, address, 1, 4 * minuteUs - 1)).toBe(true);
  expect(jar.make(address, 1, 4 * minuteUs - 1)).not.toEqual(early);
  expect(jar.verify(early, address, 1, 4 * minuteUs)).toBe(false);
});

test("after a long silence neither old secret is good", () => {
  const jar = new CookieJar();
  const cookie = jar.make(address, 1, 0);
  expect(jar.verify(cookie, address, 1, 60 * minuteUs)).toBe(false);
});

test("another process makes other cookies", () => {
  expect(new CookieJar().make(address, 1, 0)).not.toEqual(new CookieJar().make(address, 1, 0));
});

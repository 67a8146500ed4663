import { expect, test } from "bun:test";
import { networkPlaces, ownPlace, reachable } from "./places.ts";

test("loopback is on no network, a literal address is itself", () => {
  expect(networkPlaces("127.0.0.1")).toEqual([]);
  expect(networkPlaces("192.0.2.4")).toEqual(["192.0.2.4"]);
  expect(networkPlaces("2001:db8::1")).toEqual(["[2001:db8::1]"]);
  for (const place of networkPlaces("0.0.0.0")) expect(place).toMatch(/^\d+\.\d+\.\d+\.\d+$/);
});

test("an address that a browser cannot open is replaced, the rest of the URL stays", () => {
  const path = ":9101/player/screen?token=x";
  expect(reachable(`http://127.0.0.1${path}`)).toEqual([`http://127.0.0.1${path}`]);
  expect(reachable(`http://[::1]${path}`)).toEqual([`http://[::1]${path}`]);
  const anywhere = reachable(`http://0.0.0.0${path}`);
  expect(anywhere).toEqual(networkPlaces("0.0.0.0").map((place) => `http://${place}${path}`));
});

test("a machine without a name is called by its address", () => {
  expect(ownPlace("desk", ["192.0.2.1"])).toBe("desk");
  expect(ownPlace("(none)", ["192.0.2.1", "192.0.2.2"])).toBe("192.0.2.1");
  expect(ownPlace("(none)", [])).toBe("localhost");
});

import { expect, test } from "bun:test";
import { createIdentity } from "../secure/identity.ts";
import { readSignIn, verifySignIn } from "../secure/sign-in.ts";
import { channelNameFrom, parseRelayTarget, relayCredentials } from "./relay-target.ts";

test.each([
  ["ws://relay.example", "ws://relay.example", "desk"],
  ["ws://relay.example:9100/", "ws://relay.example:9100", "desk"],
  ["wss://relay.example/studio/left", "wss://relay.example", "studio/left"],
  ["ws://[::1]:9100/a", "ws://[::1]:9100", "a"],
])("%s", (text, origin, channel) => {
  expect(parseRelayTarget(text, "desk")).toEqual({ ok: true, value: { origin, channel } });
});

test.each([
  ["relay.example:9100", "ws://"],
  ["https://relay.example/a", "neither ws:// nor wss://"],
  ["ws://relay.example/a?key=secret", "PATCHBAY_RELAY_KEY"],
  ["ws://me:secret@relay.example/a", "PATCHBAY_RELAY_KEY"],
  ["ws://relay.example/a b", "letters"],
  ["ws://relay.example/%zz", "letters"],
  ["ws://relay.example/a//b", "letters"],
])("%s is refused", (text, why) => {
  const parsed = parseRelayTarget(text, "desk");
  expect(parsed.ok ? "" : parsed.message).toContain(why);
});

test("a player must name its channel", () => {
  const parsed = parseRelayTarget("ws://relay.example/");
  expect(parsed.ok ? "" : parsed.message).toContain("names no channel");
});

test.each([
  ["Anna's Laptop", "anna-s-laptop"],
  ["Büro", "buro"],
  ["..", "host"],
  ["日本", "host"],
  ["desk.local", "desk.local"],
])("the device %s publishes on %s", (device, channel) => {
  expect(channelNameFrom(device)).toBe(channel);
  expect(parseRelayTarget("ws://relay.example", channelNameFrom(device)).ok).toBe(true);
});

test("a key is the only credential; without one comes nothing, then a signature for that place", () => {
  const identity = createIdentity("desk");
  const place = { host: "relay.example", target: "/source/desk" };
  const tell = (env: Record<string, string>) => relayCredentials(identity, env).map((credential) => credential(place));
  expect(tell({ PATCHBAY_RELAY_KEY: " the-key\n" })).toEqual(["Bearer the-key"]);
  const [none, header] = tell({});
  expect(none).toBeUndefined();
  const signIn = readSignIn(header ?? "");
  expect(signIn && verifySignIn(signIn, place, Date.now())).toBe(true);
  expect(signIn && verifySignIn(signIn, { ...place, target: "/source/other" }, Date.now())).toBe(false);
});

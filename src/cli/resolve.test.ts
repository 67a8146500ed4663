import { expect, test } from "bun:test";
import { resolveListen, resolveTarget } from "./resolve.ts";

test("addresses stay, names are looked up, IPv4 first", async () => {
  for (const host of ["0.0.0.0", "192.0.2.7", "::1"])
    expect(await resolveListen("--listen", { host, port: 1 })).toEqual({ ok: true, value: { host, port: 1 } });
  const local = { ok: true as const, value: "127.0.0.1" };
  expect(await resolveTarget("localhost")).toEqual(local);
  expect(await resolveListen("--listen", { host: "localhost", port: 7 })).toEqual({
    ok: true,
    value: { host: "127.0.0.1", port: 7 },
  });
});

test("a name that leads nowhere is told with what may be given instead", async () => {
  const listening = await resolveListen("--listen", { host: "nowhere.invalid", port: 1 });
  expect(listening).toMatchObject({ ok: false, code: "unavailable" });
  expect(listening.ok ? "" : listening.message).toMatch(/^--listen names nowhere\.invalid, .* such as 0\.0\.0\.0, /);
  expect(await resolveTarget("nowhere.invalid")).toMatchObject({ ok: false, code: "no-host" });
});

/** The pages as a server hands them out: every file that a page names is there, and the policy names what it must. */
import { describe, expect, test } from "bun:test";
import { pageFor } from "./pages.ts";

const text = (body: Uint8Array | undefined) => new TextDecoder().decode(body);

describe("pages", () => {
  for (const path of ["/", "/player", "/player/", "/player/a/b", "/publish", "/publish/room?key=1"])
    test(`${path} comes with all that it loads`, async () => {
      const page = await pageFor(path);
      expect(page?.status).toBe(200);
      const named = [...text(page?.body).matchAll(/(?:href|src)="(\/assets\/[^"]+)"/g)].map(
        ([, file]) => file as string,
      );
      expect(named.length).toBeGreaterThanOrEqual(3);
      for (const file of named) {
        const asset = await pageFor(file);
        expect([file, asset?.status]).toEqual([file, 200]);
        expect(asset?.headers["cache-control"]).toContain("immutable");
      }
      expect(text(page?.body)).not.toContain('="./');
    });

  test("other paths are left to others, wrong ones get 404", async () => {
    for (const path of ["/players", "/stream/a", "/api/stats"]) expect(await pageFor(path)).toBeUndefined();
    for (const path of ["/player/%2e%2e", "/player/a//b", "/assets/none.js", "/assets/../x"])
      expect((await pageFor(path))?.status).toBe(404);
  });

  test("the policy lets nothing in but what was said", async () => {
    const settings = { embedders: ["https://site.example"] };
    const page = await pageFor("/player/a", settings);
    const policy = page?.headers["content-security-policy"];
    expect(policy).toContain("default-src 'none'; script-src 'self'; style-src 'self';");
    expect(policy).toContain("connect-src 'self';");
    expect(policy).toEndWith("frame-ancestors 'self' https://site.example");
    expect(text(page?.body)).toContain('name="embedders" content="https://site.example"');
    expect((await pageFor("/", settings))?.headers["content-security-policy"]).toEndWith("frame-ancestors 'none'");
    expect((await pageFor("/publish", settings))?.headers["content-security-policy"]).toEndWith("ancestors 'self'");
    expect(pageFor("/player/a", { embedders: ["https://x; script-src *"] })).rejects.toThrow("is no origin");
  });
});

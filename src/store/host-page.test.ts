import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { keepHostPage, readHostPage } from "./host-page.ts";

const folder = mkdtempSync(join(tmpdir(), "patchbay-page-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const viewerUrl = "http://127.0.0.1:9101/player/screen?token=x";

test("only its owner can read it, it is gone at the end, and nobody is told of a host that died", () => {
  expect(readHostPage(folder)).toMatchObject({ ok: false, code: "unavailable" });
  const kept = keepHostPage({ pid: process.pid, viewerUrl }, folder);
  expect(statSync(join(folder, "host-page.json")).mode & 0o777).toBe(0o600);
  expect(readHostPage(folder)).toMatchObject({ ok: true, value: { viewerUrl } });
  if (kept.ok) kept.value();
  expect(readHostPage(folder).ok).toBe(false);
  keepHostPage({ pid: 2 ** 22 + 1, viewerUrl }, folder);
  expect(readHostPage(folder).ok).toBe(false);
});

test("one host's end does not hide another", () => {
  const first = keepHostPage({ pid: process.pid, viewerUrl }, folder);
  keepHostPage({ pid: process.ppid, viewerUrl: `${viewerUrl}2` }, folder);
  if (first.ok) first.value();
  expect(readHostPage(folder)).toMatchObject({ ok: true, value: { viewerUrl: `${viewerUrl}2` } });
});

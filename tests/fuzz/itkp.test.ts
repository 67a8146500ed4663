/** The C header beside the TypeScript codec: the same bytes for every message, as C11 and as C++17, and a short run of the fuzzer. */
import { afterAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buildPeer, type Language, verdictsOf } from "../c/itkp-peer.ts";
import { itkpCases, itkpRefusals } from "../vectors/itkp.ts";
import { fuzzItkp, verdict } from "./itkp.ts";

const folder = mkdtempSync(join(tmpdir(), "patchbay-itkp-"));
afterAll(() => rmSync(folder, { recursive: true }));

for (const language of ["c11", "c++17"] as Language[])
  describe(`as ${language} without a warning`, () => {
    const program = join(folder, language);
    test("every message has the bytes that it has in TypeScript", async () => {
      await buildPeer(language, program);
      const { stdout } = Bun.spawnSync([program, "samples"]);
      expect(stdout.toString().trim().split("\n")).toEqual(itkpCases.map(({ bytes }) => bytes.toHex()));
    });

    test("every truncation and every refusal is told in the same words", async () => {
      const whole = [...itkpCases, ...itkpRefusals].map(({ bytes }) => bytes);
      const inputs = whole.flatMap((bytes) =>
        Array.from({ length: bytes.length + 1 }, (_, size) => bytes.slice(0, size)),
      );
      expect(await verdictsOf(program, inputs)).toEqual(
        inputs.map(verdict).map((line) => expect.stringMatching(prefix(line))),
      );
    });
  });

/** Up to the bytes of what is not allowed: JavaScript has one NaN only. */
function prefix(line: string): RegExp {
  const upTo = line.startsWith("Ok|") ? `${line}$` : line.slice(0, line.lastIndexOf("|"));
  return new RegExp(`^${upTo.replaceAll(/[|^.\\]/g, "\\$&")}`);
}

test("both languages say the same of 20000 mutated messages", async () => {
  const report = await fuzzItkp(1, (runs) => runs >= 20_000);
  expect(report.failure).toBeUndefined();
  expect(report.accepted).toBeGreaterThan(2000);
}, 60_000);

/**
 * Local channels as Windows programs use them, over named pipes: src/net/ipc.ts compiled with Bun for Windows, between
 * processes under wine. Named as what it is: wine is no Windows. Debian's wine lacks a library that Bun asks for one function, so a
 * stand-in for it lies beside the program.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { windowsCompiler } from "../../.ci/ipc-windows.ts";
import { must, StepFailed, say } from "../../.ci/steps.ts";
import { windowsBun } from "../../.ci/windows-bun.ts";
import { temporaryFolder } from "../e2e/harness.ts";
import { type Child, cleanUp } from "../e2e/processes.ts";
import { startUnderWine, wine } from "./wine.ts";

const limitMs = 120_000;

/** Why this cannot run here; empty when it can. */
async function obstacle(): Promise<string> {
  if (!wine || !Bun.which(windowsCompiler)) return "install the Debian packages wine and gcc-mingw-w64-x86-64-posix";
  try {
    await windowsBun();
    return "";
  } catch (fault) {
    if (!(fault instanceof StepFailed)) throw fault;
    return `Bun for Windows cannot be fetched: ${fault.message}`;
  }
}

const why = await obstacle();
if (why) say(`channels over named pipes are skipped: ${why}`);

const random = `#include <windows.h>
BOOLEAN WINAPI SystemFunction036(PVOID, ULONG);
BOOL WINAPI ProcessPrng(PBYTE bytes, SIZE_T size) { return SystemFunction036(bytes, (ULONG)size); }
`;

let folder = "";
const peer = (...args: string[]): Child => startUnderWine(join(folder, "peer.exe"), args);

describe.skipIf(why !== "")("channels between Windows programs", () => {
  beforeAll(async () => {
    folder = temporaryFolder();
    const library = join(folder, "bcryptprimitives");
    writeFileSync(`${library}.c`, random);
    await must([windowsCompiler, "-shared", "-s", `${library}.c`, "-o", `${library}.dll`, "-ladvapi32"]);
    await must([
      ...[process.execPath, "build", "--compile", "--target=bun-windows-x64"],
      ...[`--compile-executable-path=${await windowsBun()}`, "tests/windows/pipe-peer.ts"],
      ...["--outfile", join(folder, "peer.exe")],
    ]);
  }, limitMs);

  afterAll(cleanUp);

  test(
    "every type of message there and back, two clients at once, one server to a name, and a killed one replaced",
    async () => {
      expect(await peer("ask", "alpha", "1").ended()).toBe(1);
      const server = peer("serve", "alpha");
      const [, address] = await server.until(/^serving (.*?)\r?$/m);
      expect(address).toBe("\\\\.\\pipe\\itk_alpha");

      const clients = [peer("ask", "alpha", "1000"), peer("ask", "alpha", "1000")];
      for (const client of clients) await client.until(/^1000 round trips, 500 at once\r?$/m);
      await server.until(/(^gone: Closed\r?$[\s\S]*?){2}/m);

      const second = peer("listen", "alpha");
      await second.until(/^AlreadyListening: /m);
      expect(await second.ended()).toBe(1);

      const waiting = peer("wait", "alpha");
      await waiting.until(/^connected\r?$/m);
      await server.kill();
      await waiting.until(/^Closed\r?$/m);

      const next = peer("serve", "alpha");
      await next.until(/^serving/m);
      const dying = peer("wait", "alpha");
      await dying.until(/^connected\r?$/m);
      await dying.kill();
      await next.until(/^gone: Closed\r?$/m);
      await peer("ask", "alpha", "20").until(/^20 round trips/m);
      await next.kill();
    },
    limitMs,
  );

  test(
    "a name that is none is refused",
    async () => {
      const refused = peer("listen", "a/b");
      await refused.until(/^InvalidName: .*slash/m);
      expect(await refused.ended()).toBe(1);
    },
    limitMs,
  );
});

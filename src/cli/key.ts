/**
 * `patchbay key show`: this device's public key, fingerprint and pairing code, or the address of the running host's viewer. Makes the
 * key on first use; never shows the private one.
 */
import { limits } from "../base/limits.ts";
import { ok, type Result } from "../base/result.ts";
import { ownPlace, reachable } from "../dashboard/places.ts";
import { fingerprint, formatPairingCode } from "../secure/fingerprint.ts";
import { openStore } from "../store/database.ts";
import { readHostPage } from "../store/host-page.ts";
import { loadIdentity } from "../store/identity.ts";
import type { Lifecycle } from "./lifecycle.ts";
import { printJson, printLine } from "./output.ts";
import type { Parsed } from "./parse.ts";

export async function run({ flags }: Parsed<"key">, lifecycle: Lifecycle): Promise<Result<void>> {
  if (flags.viewer) return showViewer(flags.json);
  const store = openStore();
  if (!store.ok) return store;
  lifecycle.defer("the database", () => store.value.close());
  const identity = loadIdentity(store.value);
  if (!identity.ok) return identity;
  const { signing, name } = identity.value;
  const place = flags.host ?? { host: ownPlace(), port: limits.port };
  const code = formatPairingCode({ key: signing.publicKey, ...place });
  if (!code.ok) return code;
  const print = fingerprint(signing.publicKey);
  if (flags.json) {
    printJson({ fingerprint: print, publicKey: signing.publicKey.toBase64(), code: code.value });
    return ok(undefined);
  }
  printLine(`Device       ${name}`);
  printLine(`Fingerprint  ${print}`);
  printLine(`Public key   ${signing.publicKey.toBase64()}`);
  printLine(`Pairing code ${code.value}`);
  if (flags.qr) {
    const { qrForTerminal } = await import("../secure/qr.ts");
    printLine();
    printLine((await qrForTerminal(code.value)).trimEnd());
  }
  return ok(undefined);
}

/** One line for each address under which a browser reaches it. */
function showViewer(asJson: boolean | undefined): Result<void> {
  const page = readHostPage();
  if (!page.ok) return page;
  const urls = reachable(page.value.viewerUrl);
  if (asJson) printJson({ viewer: urls });
  else for (const url of urls) printLine(url);
  return ok(undefined);
}

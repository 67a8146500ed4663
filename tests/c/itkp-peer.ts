/** Builds tests/c/itkp_peer.c, the C side of the tests of ITKP, as a C or a C++ program, and asks it for verdicts. */
import { join } from "node:path";
import { concatBytes } from "../../src/base/bytes.ts";

const root = join(import.meta.dir, "../..");
const languages = { c11: ["gcc", "-std=c11", "-D_GNU_SOURCE", "-x", "c"], "c++17": ["g++", "-std=c++17", "-x", "c++"] };
export type Language = keyof typeof languages;

/** Compiles to `program`, every warning an error; `extra` are more flags. Throws the compiler's complaint. */
export async function buildPeer(language: Language, program: string, extra: readonly string[] = []): Promise<void> {
  const flags = ["-O1", "-g", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-Ic", ...extra];
  const command = [...languages[language], ...flags, "tests/c/itkp_peer.c", "-o", program];
  const child = Bun.spawn(command, { cwd: root, stderr: "pipe" });
  const complaint = await new Response(child.stderr).text();
  if ((await child.exited) !== 0) throw new Error(complaint);
}

/** What the C program says of each input, a line each. */
export async function verdictsOf(program: string, inputs: readonly Uint8Array[]): Promise<string[]> {
  const framed = inputs.flatMap((bytes) => [new Uint8Array(Uint32Array.of(bytes.length).buffer), bytes]);
  const child = Bun.spawn([program, "verdicts"], { stdin: concatBytes(...framed), stdout: "pipe", stderr: "pipe" });
  const [out, err] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]);
  if ((await child.exited) !== 0) throw new Error(err || `${program} ended with ${child.exitCode ?? child.signalCode}`);
  return out.trimEnd().split("\n");
}

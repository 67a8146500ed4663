/**
 * Holds every package, npm's (transitive ones too) and the archives linked into the shim, against a list of licences that
 * allow Patchbay to stay MIT. A package whose licence is none of these needs an exception with its reason.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { archives } from "./shim.ts";
import { StepFailed } from "./steps.ts";

const allowed = new Set([
  "MIT",
  "MIT-0",
  "ISC",
  "0BSD",
  "BSD-2-Clause",
  "BSD-3-Clause",
  "Apache-2.0",
  "CC0-1.0",
  "IJG",
  "Zlib",
  "Unlicense",
]);

const exceptions: { package: RegExp; licence: string; because: string }[] = [
  {
    package: /^@img\/sharp-/,
    licence: "LGPL-3.0-or-later",
    because: "libvips is a shared library of its own, unpacked and opened at run time; nothing is linked to it",
  },
  {
    package: /^libstdc\+\+6$/,
    licence: "GPL-3.0-or-later WITH GCC-exception-3.1",
    because: "the exception frees what GCC compiles",
  },
];

interface Licensed {
  name: string;
  version: string;
  licence: string;
  /** Files with the licence's text. */
  texts: string[];
}

/** True for an SPDX expression whose every AND part has an allowed OR alternative. */
function permits(name: string, expression: string): boolean {
  const one = (licence: string): boolean =>
    allowed.has(licence) || exceptions.some((e) => e.licence === licence && e.package.test(name));
  const plain = expression.replace(/[()]/g, "");
  return plain.split(" AND ").every((part) => part.split(" OR ").some((licence) => one(licence.trim())));
}

function textsIn(folder: string): string[] {
  const names = existsSync(folder) ? readdirSync(folder) : [];
  return names.filter((name) => /^(licen[cs]e|notice|copying)/i.test(name)).map((name) => join(folder, name));
}

/** What package-lock.json names, for every platform; the licence of an installed one is read from the package itself. */
function npmPackages(): Licensed[] {
  const lock = JSON.parse(readFileSync("package-lock.json", "utf8")) as {
    packages: Record<string, { version: string; license?: string }>;
  };
  return Object.entries(lock.packages)
    .filter(([path]) => path !== "")
    .map(([path, { version, license }]) => {
      const manifest = join(path, "package.json");
      const found = existsSync(manifest) ? JSON.parse(readFileSync(manifest, "utf8")).license : license;
      const name = path.slice(path.lastIndexOf("node_modules/") + "node_modules/".length);
      return { name, version, licence: String(found ?? "none stated"), texts: textsIn(path) };
    });
}

function linkedPackages(): Licensed[] {
  const byPackage = new Map(archives.map(({ debian, licence }) => [debian, licence]));
  return [...byPackage].map(([name, licence]) => {
    const text = `/usr/share/doc/${name}/copyright`;
    return { name, version: "Debian's", licence, texts: existsSync(text) ? [text] : [] };
  });
}

export function checkLicences(): string {
  const packages = [...npmPackages(), ...linkedPackages()];
  const refused = packages.filter(({ name, licence }) => !permits(name, licence));
  if (refused.length)
    throw new StepFailed(
      refused.map((p) => `${p.name} ${p.version}: licence ${p.licence} is not on the list`).join("\n"),
    );
  return `${packages.length} packages`;
}

/** The notices that go with the executable: each package's name, licence and the licence's text. */
export function notices(): string {
  const installed = [
    ...linkedPackages(),
    ...npmPackages().filter(({ name }) => existsSync(join("node_modules", name))),
  ];
  const parts = installed.map(({ name, version, licence, texts }) =>
    [`${name} (${version}): ${licence}`, "", ...texts.map((file) => readFileSync(file, "utf8").trim())].join("\n"),
  );
  return `${parts.join("\n\n----\n\n")}\n`;
}

/**
 * The status page's files, bundled from web/index.html. In the executable Bun has bundled them already and hands over a list;
 * run from source they are bundled on first use. They are served by this program's own routes and not by Bun's, so that the
 * Host check and the security headers cover the page as well.
 */
import bundle from "../../web/index.html";

export interface Asset {
  readonly body: Blob;
  readonly type: string;
}

interface EmbeddedFile {
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
}

let loaded: Promise<ReadonlyMap<string, Asset>> | undefined;

/** File name to content; the page itself is "index.html", everything else has its hash in the name. */
export function pageAssets(): Promise<ReadonlyMap<string, Asset>> {
  loaded ??= load();
  return loaded;
}

async function load(): Promise<ReadonlyMap<string, Asset>> {
  const embedded = (bundle as { files?: readonly EmbeddedFile[] }).files;
  return embedded ? fromExecutable(embedded) : fromSource(bundle.index);
}

function fromExecutable(files: readonly EmbeddedFile[]): ReadonlyMap<string, Asset> {
  return new Map(
    files.map(({ path, headers }) => {
      const type = headers["content-type"] ?? "application/octet-stream";
      return [nameOf(path, type), { body: Bun.file(path), type }];
    }),
  );
}

async function fromSource(index: string): Promise<ReadonlyMap<string, Asset>> {
  const { outputs } = await Bun.build({ entrypoints: [index] });
  return new Map(outputs.map((file) => [nameOf(file.path, file.type), { body: file, type: file.type }]));
}

function nameOf(path: string, type: string): string {
  return type.startsWith("text/html") ? "index.html" : path.slice(path.lastIndexOf("/") + 1);
}

/**
 * The browser pages of streams, from files inside the executable: the viewer under /player, the publisher under /publish, the
 * relay's status page under /, and what they load under /assets. The relay serves all of them, the host's dashboard the viewer. It
 * answers paths, knows no connection and lets nobody in or out: that is the server's part.
 */
import { readFileSync } from "node:fs";
import playerPage from "../../web/player/index.html";
import relayPage from "../../web/relay/index.html";
import sourcePage from "../../web/source/index.html";
import { isChannelName } from "./paths.ts";

export interface PageSettings {
  /** Origins beyond the page's own whose pages may embed the player and get its events; `*` stands for all. */
  readonly embedders?: readonly string[];
}

export interface PageAnswer {
  readonly status: 200 | 404;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
}

interface Asset {
  readonly bytes: Uint8Array;
  readonly type: string;
}

interface Files {
  readonly texts: Readonly<Record<PageName, string>>;
  readonly assets: ReadonlyMap<string, Asset>;
}

interface EmbeddedFile {
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
}

type PageName = "relay" | "player" | "publish";
const pages = { relay: relayPage, player: playerPage, publish: sourcePage } as const;
const origin = /^(?:https?:\/\/[A-Za-z0-9.[\]:-]+|\*)$/;

let loaded: Promise<Files> | undefined;

/**
 * What to answer to a GET of this path (a query is passed over), or undefined when it is none of the pages'. Throws for settings
 * that hold something other than an origin, because it would end up in the policy as it is.
 */
export async function pageFor(target: string, settings: PageSettings = {}): Promise<PageAnswer | undefined> {
  const [path = ""] = target.split("?", 1);
  if (path.startsWith("/assets/")) return assetAnswer(path.slice("/assets/".length));
  if (path === "/") return html("relay", (await files()).texts.relay, settings);
  const [, name, , channel] = /^\/(player|publish)(\/(.*))?$/.exec(path) ?? [];
  if (name === undefined) return undefined;
  if (channel && !isChannelName(channel))
    return notFound("There is no such channel: its name has characters it must not have.");
  return html(name as PageName, (await files()).texts[name as PageName], settings);
}

async function assetAnswer(name: string): Promise<PageAnswer> {
  const asset = (await files()).assets.get(name);
  if (!asset) return notFound("There is nothing here.");
  const headers = { ...common, "content-type": asset.type, "cache-control": "max-age=31536000, immutable" };
  return { status: 200, headers, body: asset.bytes };
}

const common = {
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
  "cross-origin-resource-policy": "same-origin",
} as const;

const features: Readonly<Record<PageName, string>> = {
  relay: "",
  player: "gamepad=*, midi=*, fullscreen=*",
  publish: "camera=(self), microphone=(self), display-capture=(self)",
};

/** Only the player may be embedded: who clicks on another page must not publish or read unawares. */
function html(name: PageName, text: string, { embedders = [] }: PageSettings): PageAnswer {
  for (const one of embedders) if (!origin.test(one)) throw new TypeError(`${one} is no origin`);
  const around = name === "player" ? ["'self'", ...embedders] : name === "publish" ? ["'self'"] : ["'none'"];
  const policy = [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self' data: blob:",
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    ["frame-ancestors", ...around].join(" "),
  ].join("; ");
  return {
    status: 200,
    headers: {
      ...common,
      "content-security-policy": policy,
      ...(features[name] && { "permissions-policy": features[name] }),
      "content-type": "text/html;charset=utf-8",
      "cache-control": "no-cache",
    },
    body: new TextEncoder().encode(
      text.replace('name="embedders" content=""', `name="embedders" content="${embedders.join(" ")}"`),
    ),
  };
}

function notFound(sentence: string): PageAnswer {
  const headers = { ...common, "content-type": "text/plain;charset=utf-8", "cache-control": "no-store" };
  return { status: 404, headers, body: new TextEncoder().encode(`${sentence}\n`) };
}

function files(): Promise<Files> {
  loaded ??= load();
  return loaded;
}

async function load(): Promise<Files> {
  const assets = new Map<string, Asset>();
  const [relay, player, publish] = await Promise.all([
    loadPage("relay", assets),
    loadPage("player", assets),
    loadPage("publish", assets),
  ]);
  return { texts: { relay, player, publish }, assets };
}

/** In the executable Bun has bundled the page and hands over a list; run from source it is bundled now. */
async function loadPage(name: PageName, assets: Map<string, Asset>): Promise<string> {
  const page = pages[name];
  const embedded = (page as { files?: readonly EmbeddedFile[] }).files;
  let text = "";
  const put = (path: string, type: string, bytes: Uint8Array) => {
    if (type.startsWith("text/html")) text = new TextDecoder().decode(bytes);
    else assets.set(path.slice(path.lastIndexOf("/") + 1), { bytes, type });
  };
  if (embedded) for (const { path, headers } of embedded) put(path, headers["content-type"] ?? "", readFileSync(path));
  else
    for (const file of (await Bun.build({ entrypoints: [page.index] })).outputs)
      put(file.path, file.type, new Uint8Array(await file.arrayBuffer()));
  // Pages live in folders of any depth, their files in one.
  return text.replace(/\b(href|src)="(?:\.?\/)?([\w.-]+)"/g, (all, attribute: string, file: string) =>
    assets.has(file) ? `${attribute}="/assets/${file}"` : all,
  );
}

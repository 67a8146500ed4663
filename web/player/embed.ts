/**
 * What pages that embed the player hear (ds-stream section 15): `stream_frame` for each picture shown and `stream_end` as
 * CustomEvents on the document, and the same by postMessage to the page around it, when that one is of the same origin or of one
 * that the server named. Nothing is taken from the page around.
 */
const parentOrigin = (() => {
  if (parent === window) return undefined;
  const named = document.querySelector<HTMLMetaElement>('meta[name="embedders"]')?.content.split(" ") ?? [];
  const around = location.ancestorOrigins?.[0] ?? (document.referrer ? new URL(document.referrer).origin : undefined);
  return around === location.origin || named.includes("*") || named.includes(around ?? "") ? around : undefined;
})();

export function announce(name: "stream_frame" | "stream_end", detail: object): void {
  document.dispatchEvent(new CustomEvent(name, { detail }));
  if (parentOrigin !== undefined) parent.postMessage({ type: name, detail }, parentOrigin);
}

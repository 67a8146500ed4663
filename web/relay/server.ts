/** What the page asks the relay for, with the key that this reader has. The key comes in the address's fragment, which browsers send to nobody. */
const timeoutMs = 4000;

let fragment = new URLSearchParams(location.hash.slice(1));

export const keyInUse = (): string | undefined => fragment.get("key") ?? undefined;
export const chosenChannel = (): string | undefined => fragment.get("channel") ?? undefined;

/** Keeps the choice in the address, so that it can be reloaded and passed on. */
export function remember(name: "key" | "channel", value: string | undefined): void {
  if (value === undefined) fragment.delete(name);
  else fragment.set(name, value);
  history.replaceState(null, "", fragment.size > 0 ? `#${fragment}` : location.pathname);
}

export function onAddressChanged(work: () => void): void {
  addEventListener("hashchange", () => {
    fragment = new URLSearchParams(location.hash.slice(1));
    work();
  });
}

/** Another page of this relay, with the same key. */
export function pageUrl(path: string): string {
  const key = keyInUse();
  return key === undefined ? path : `${path}#${new URLSearchParams({ key })}`;
}

export class Refused extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/** Throws Refused for an answer that is none, and what fetch throws for no answer. */
export async function ask<T>(path: string): Promise<T> {
  const key = keyInUse();
  const answer = await fetch(path, {
    signal: AbortSignal.timeout(timeoutMs),
    cache: "no-store",
    headers: key === undefined ? {} : { authorization: `Bearer ${key}` },
  });
  if (answer.ok) return (await answer.json()) as T;
  const told = (await answer.json().catch(() => ({}))) as { message?: string };
  throw new Refused(answer.status, told.message ?? `the relay answered with status ${answer.status}`);
}

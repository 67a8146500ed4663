/**
 * How often one address may try to connect: a bucket an address (of IPv6 its /64 network, which one machine may own whole), for as
 * many addresses as fit a table of fixed size. Pure.
 */
interface Bucket {
  left: number;
  filledUs: number;
}

export class AddressLimit {
  readonly #perSecond: number;
  readonly #burst: number;
  readonly #addresses: number;
  /** Oldest use first. */
  readonly #buckets = new Map<string, Bucket>();

  constructor(perSecond: number, burst: number, addresses: number) {
    this.#perSecond = perSecond;
    this.#burst = burst;
    this.#addresses = addresses;
  }

  get size(): number {
    return this.#buckets.size;
  }

  /** True when `address` may try once more; `cost` is for attempts that weigh more than one. */
  take(address: string, nowUs: number, cost = 1): boolean {
    const name = networkOf(address);
    const bucket = this.#buckets.get(name) ?? { left: this.#burst, filledUs: nowUs };
    bucket.left = Math.min(this.#burst, bucket.left + ((nowUs - bucket.filledUs) * this.#perSecond) / 1e6);
    bucket.filledUs = nowUs;
    this.#buckets.delete(name);
    this.#buckets.set(name, bucket);
    if (this.#buckets.size > this.#addresses) this.#forgetOldest();
    if (bucket.left < 1) return false;
    bucket.left = Math.max(0, bucket.left - cost);
    return true;
  }

  #forgetOldest(): void {
    for (const name of this.#buckets.keys()) {
      this.#buckets.delete(name);
      return;
    }
  }
}

function networkOf(address: string): string {
  if (!address.includes(":") || address.startsWith("::ffff:")) return address;
  const [head = "", tail] = address.split("%")[0]?.split("::") ?? [];
  const groups = head.split(":");
  const missing = tail === undefined ? 0 : 8 - groups.length - tail.split(":").length;
  return [...groups, ...Array<string>(Math.max(0, missing)).fill("0"), ...(tail ?? "").split(":")]
    .slice(0, 4)
    .join(":");
}

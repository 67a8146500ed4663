/** Names and identities of the simulated world, the same in every world of a process. */
import { Prng } from "../../src/base/prng.ts";
import { type DeviceIdentity, identityFrom } from "../../src/secure/identity.ts";

export const hostPlace = "host";
/** The shells' timers: both ends call tick() this often. */
export const tickUs = 10_000;
export const second = 1_000_000;

/** Made once each: which key it is plays no part in a simulation, and making one costs as much as much simulated time. */
const identities = new Map<number, DeviceIdentity>();

/** Number 0 is the host's. */
export function identityOf(number: number): DeviceIdentity {
  const known = identities.get(number);
  if (known) return known;
  const random = new Prng(number + 1000);
  const made = identityFrom(random.bytes(32), random.bytes(32), `device ${number}`);
  identities.set(number, made);
  return made;
}

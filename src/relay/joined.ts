/**
 * A cluster at work: its pure part (cluster.ts) with a NATS broker and the clock around it. This shell does the I/O and decides nothing.
 */
import { type NatsAddress, NatsBus } from "./bus-nats.ts";
import { Cluster } from "./cluster.ts";
import type { RelaySettings } from "./limits.ts";

export interface JoinedCluster {
  readonly cluster: Cluster;
  /** Says good-bye and waits until that has left, half a second at most. Idempotent. */
  close(): Promise<void>;
}

/** Returns at once; the broker may be there or come later. `nowUs` is the clock of the relay's core. */
export function joinCluster(
  address: NatsAddress,
  settings: RelaySettings,
  log: (text: string) => void,
  nowUs: () => number,
): JoinedCluster {
  const { keepaliveSeconds, keepaliveTimeoutSeconds, maxMessageBytes } = settings;
  const its = {
    relay: randomRelay(),
    name: address.cluster,
    keepaliveSeconds,
    keepaliveTimeoutSeconds,
    maxMessageBytes,
  };
  const cluster = new Cluster(its, log, nowUs());
  const now = () => {
    cluster.setTime(nowUs());
    return cluster.events;
  };
  const bus = new NatsBus(address, {
    connected: () => now().connected(),
    lost: (why) => now().lost(why),
    message: (bytes) => now().message(bytes),
  });
  cluster.join(bus);
  return {
    cluster,
    close: () => {
      cluster.leave();
      return bus.close();
    },
  };
}

/** A number that no other relay has: 1 to 2^53 - 1. */
function randomRelay(): number {
  const [high = 0, low = 0] = crypto.getRandomValues(new Uint32Array(2));
  return Math.max(1, (high & 0x1f_ffff) * 0x1_0000_0000 + low);
}

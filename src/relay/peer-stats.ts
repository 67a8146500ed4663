/** What statistics tell of one connection: who it is, how long it has been here, what waits for it. Pure. */
import type { Role } from "./paths.ts";
import type { ConnectionId, ConnectionStats } from "./transport.ts";

export interface PeerStats extends Omit<ConnectionStats, "waitingUs"> {
  readonly connection: ConnectionId;
  readonly role: Role;
  /** Literal address. */
  readonly remote: string;
  readonly connectedSeconds: number;
  /** Of the last keepalive ping that was answered; null before. */
  readonly roundTripMs: number | null;
  /** How long the oldest frame for it has waited here. */
  readonly waitingMs: number;
}

interface Peer {
  readonly role: Role;
  readonly remote: string;
  readonly enteredUs: number;
  readonly roundTripUs: number | undefined;
}

export function peerStats(
  connection: ConnectionId,
  { role, remote, enteredUs, roundTripUs }: Peer,
  { waitingUs, ...counts }: ConnectionStats,
  nowUs: number,
): PeerStats {
  return {
    connection,
    role,
    remote,
    connectedSeconds: (nowUs - enteredUs) / 1e6,
    roundTripMs: roundTripUs === undefined ? null : roundTripUs / 1000,
    waitingMs: waitingUs / 1000,
    ...counts,
  };
}

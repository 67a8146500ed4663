/**
 * The offset between this machine's clock and a peer's, from ping and pong. Of the newest samples the one with the shortest
 * round trip is believed: queues only ever add time, so the quickest exchange is the least wrong (as in NTP's clock filter,
 * RFC 5905 section 10). The error is at most half the round trip.
 */
const window = 16;

export class OffsetEstimator {
  readonly #offsets = new Float64Array(window);
  readonly #trips = new Float64Array(window);
  #count = 0;

  /** Four times in microseconds: ours at sending and receiving, the peer's at receiving and sending. Nonsense is ignored. */
  add(sentUs: number, peerReceivedUs: number, peerSentUs: number, receivedUs: number): void {
    const trip = receivedUs - sentUs - (peerSentUs - peerReceivedUs);
    if (trip < 0 || peerSentUs < peerReceivedUs) return;
    const at = this.#count % window;
    this.#offsets[at] = (peerReceivedUs - sentUs + (peerSentUs - receivedUs)) / 2;
    this.#trips[at] = trip;
    this.#count++;
  }

  /** Microseconds to add to our time for the peer's; undefined before the first exchange. */
  get offsetUs(): number | undefined {
    const best = this.#best();
    return best < 0 ? undefined : this.#offsets[best];
  }

  /** Shortest round trip among the newest samples, in microseconds. */
  get roundTripUs(): number | undefined {
    const best = this.#best();
    return best < 0 ? undefined : this.#trips[best];
  }

  /** Exchanges taken in so far. */
  get samples(): number {
    return this.#count;
  }

  #best(): number {
    let best = -1;
    for (let i = 0; i < Math.min(this.#count, window); i++)
      if (best < 0 || (this.#trips[i] as number) < (this.#trips[best] as number)) best = i;
    return best;
  }
}

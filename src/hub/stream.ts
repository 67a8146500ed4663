/**
 * A stream: one publisher, many subscribers. It owns the fan-out and the overflow policy of video: a subscriber that cannot
 * take a frame gets nothing until the next keyframe, and the publisher is asked for one. One slow subscriber never holds up
 * another. Nothing is kept here: a frame is delivered during publish() or not at all.
 */
export interface StreamFrame {
  readonly keyframe: boolean;
}

export interface Subscriber<F extends StreamFrame> {
  /** False when there is no room for this frame. */
  deliver(frame: F): boolean;
}

export interface SubscriptionStats {
  delivered: number;
  /** Frames that found no room. */
  droppedFull: number;
  /** Frames left out because an earlier one was, up to the next keyframe. */
  droppedWaiting: number;
}

export class Subscription<F extends StreamFrame> {
  readonly stats: SubscriptionStats = { delivered: 0, droppedFull: 0, droppedWaiting: 0 };
  paused = false;
  waitingForKeyframe = true;
  constructor(readonly subscriber: Subscriber<F>) {}
}

export class Stream<F extends StreamFrame> {
  readonly #subscriptions = new Set<Subscription<F>>();
  readonly #requestKeyframe: () => void;

  constructor(requestKeyframe: () => void) {
    this.#requestKeyframe = requestKeyframe;
  }

  /** A newcomer starts with a keyframe, which the publisher is asked for. */
  subscribe(subscriber: Subscriber<F>): Subscription<F> {
    const subscription = new Subscription(subscriber);
    this.#subscriptions.add(subscription);
    this.#requestKeyframe();
    return subscription;
  }

  unsubscribe(subscription: Subscription<F>): void {
    this.#subscriptions.delete(subscription);
  }

  pause(subscription: Subscription<F>): void {
    subscription.paused = true;
  }

  resume(subscription: Subscription<F>): void {
    if (!subscription.paused) return;
    subscription.paused = false;
    this.restart(subscription);
  }

  /** What the subscriber has is of no use to it any more: go on with a keyframe. */
  restart(subscription: Subscription<F>): void {
    subscription.waitingForKeyframe = true;
    this.#requestKeyframe();
  }

  publish(frame: F): void {
    for (const subscription of this.#subscriptions) {
      if (subscription.paused) continue;
      if (subscription.waitingForKeyframe && !frame.keyframe) {
        subscription.stats.droppedWaiting++;
        continue;
      }
      if (subscription.subscriber.deliver(frame)) {
        subscription.waitingForKeyframe = false;
        subscription.stats.delivered++;
      } else {
        subscription.stats.droppedFull++;
        this.restart(subscription);
      }
    }
  }

  get subscribers(): number {
    return this.#subscriptions.size;
  }

  /** Whether anybody would get a frame that is published now. */
  get watched(): boolean {
    for (const subscription of this.#subscriptions) if (!subscription.paused) return true;
    return false;
  }
}

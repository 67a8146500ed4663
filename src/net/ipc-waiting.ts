/**
 * Things that come and those who wait for them, in order on both sides: messages of a channel, channels of a server. It sets no
 * limit; who puts in does.
 */
import { ok } from "../base/result.ts";
import { type IpcFailure, type IpcResult, ipcFail } from "./ipc-failure.ts";

type Taker<T> = (result: IpcResult<T>) => void;

export class Waiting<T> {
  readonly #taken: (item: T) => void;
  readonly #items: T[] = [];
  readonly #takers: Taker<T>[] = [];
  #end: IpcFailure | undefined;

  /** `taken` is called for each item that had to wait and leaves. */
  constructor(taken: (item: T) => void = () => undefined) {
    this.#taken = taken;
  }

  /** Items that wait. */
  get length(): number {
    return this.#items.length;
  }

  /** True when nobody waited for it, so that it waits itself. */
  put(item: T): boolean {
    const taker = this.#takers.shift();
    if (taker) taker(ok(item));
    else this.#items.push(item);
    return taker === undefined;
  }

  tryTake(): T | undefined {
    const item = this.#items.shift();
    if (item !== undefined) this.#taken(item);
    return item;
  }

  take(timeoutMs: number | undefined, late: string): Promise<IpcResult<T>> {
    const item = this.tryTake();
    if (item !== undefined) return Promise.resolve(ok(item));
    if (this.#end) return Promise.resolve(this.#end);
    const { promise, resolve } = Promise.withResolvers<IpcResult<T>>();
    if (timeoutMs === undefined) {
      this.#takers.push(resolve);
      return promise;
    }
    const timer = setTimeout(() => {
      this.#takers.splice(this.#takers.indexOf(taker), 1);
      resolve(ipcFail("TimedOut", late));
    }, timeoutMs);
    const taker: Taker<T> = (result) => {
      clearTimeout(timer);
      resolve(result);
    };
    this.#takers.push(taker);
    return promise;
  }

  /** Nothing more comes: those who wait hear why, and so does whoever asks when nothing is left. */
  end(why: IpcFailure): void {
    this.#end = why;
    for (const taker of this.#takers.splice(0)) taker(why);
  }

  /** Gives back what nobody took. */
  clear(): T[] {
    return this.#items.splice(0);
  }
}

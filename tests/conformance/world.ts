/** What the conformance suites share: a world in which an implementation lives and whose time passes turn by turn. */
import type { Result } from "../../src/base/result.ts";

export interface World {
  readonly name: string;
  /** Lets a little time pass: real time, or the fake's clock and its threads' turns. */
  turn(): Promise<void>;
}

/** Real threads are waited for by looking again; a condition that never comes true ends by the test's time limit. */
export async function until(world: World, condition: () => boolean): Promise<void> {
  while (!condition()) await world.turn();
}

/** A few turns, for what must not happen. */
export async function aWhile(world: World): Promise<void> {
  for (let i = 0; i < 10; i++) await world.turn();
}

export const realTurn = (): Promise<void> => Bun.sleep(1);

export function must<T>(result: Result<T>): T {
  if (!result.ok) throw new Error(result.message);
  return result.value;
}

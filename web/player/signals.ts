/**
 * Signals of a channel: the state that syncs and diffs build, shown as a tree that changes in place, and drawn when it holds a scene
 * (web/lib/scene.ts). A diff that is wrong changes nothing.
 */
import type { FrameMessage } from "../../src/wire/ds.ts";
import { type Json, SignalState } from "../../src/wire/merge.ts";
import { element } from "../dom.ts";
import { SceneView, sceneOf } from "../lib/scene.ts";
import type { Screen } from "./screen.ts";

/** Lines of the tree; what is beyond is counted, not shown. */
const lineLimit = 400;
const sceneSize = { width: 1280, height: 720 };

export class Signals {
  readonly #screen: Screen;
  readonly #tree: HTMLElement;
  readonly #view = new SceneView();
  #state = new SignalState();
  #isStale = false;
  refused = 0;

  constructor(screen: Screen, tree: HTMLElement) {
    this.#screen = screen;
    this.#tree = tree;
  }

  get value(): Json | undefined {
    return this.#state.value;
  }

  get hasScene(): boolean {
    return sceneOf(this.#state.value) !== undefined;
  }

  push(message: FrameMessage<"signalSync" | "signalDiff">): void {
    const error = message.name === "signalSync" ? this.#state.sync(message.tail) : this.#state.diff(message.tail);
    if (error) {
      this.refused++;
      console.warn("signals", message.name, error);
    }
    this.#isStale = true;
  }

  draw(nowMs: number): void {
    const scene = sceneOf(this.#state.value);
    if (scene) this.#view.draw(this.#screen.drawing(sceneSize.width, sceneSize.height), scene, nowMs);
  }

  /** Call while the tree is seen. */
  showTree(): void {
    if (!this.#isStale) return;
    this.#isStale = false;
    const left = { lines: lineLimit };
    const value = this.#state.value;
    this.#tree.replaceChildren(
      value === undefined ? element("p", { class: "quiet" }, "No signals yet.") : branch(value, left),
    );
    if (left.lines <= 0) this.#tree.append(element("p", { class: "quiet" }, `Only ${lineLimit} lines are shown.`));
  }

  reset(): void {
    this.#state = new SignalState();
    this.#isStale = true;
  }
}

function branch(value: Json, left: { lines: number }): HTMLElement {
  const list = element("ul");
  const entries =
    typeof value === "object" && value !== null
      ? Object.entries(value as Record<string, Json>)
      : [["", value] as const];
  for (const [name, inner] of entries) {
    if (left.lines-- <= 0) break;
    const isBranch = typeof inner === "object" && inner !== null;
    const leaf = isBranch ? branch(inner, left) : element("code", {}, JSON.stringify(inner) ?? "");
    list.append(
      isBranch
        ? element("li", {}, element("span", {}, name), leaf)
        : element("li", {}, leaf, element("span", {}, name)),
    );
  }
  return list;
}

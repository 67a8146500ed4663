/** A list of terms and their values whose elements stay while the values change, so that a selection is kept. */
import { element, setText, whenChanged } from "../dom.ts";

export function facts(list: HTMLElement, rows: readonly (readonly [term: string, value: string])[]): void {
  whenChanged(
    list,
    rows.map(([term]) => term),
    () =>
      rows.map(([term, value]) => element("div", { class: "fact" }, element("dt", {}, term), element("dd", {}, value))),
  );
  const values = list.querySelectorAll("dd");
  rows.forEach(([, value], i) => {
    setText(values[i] as HTMLElement, value);
  });
}

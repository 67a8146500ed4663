/** A table whose rows stay the same elements while their figures change, so that focus, selection and reading place are kept. */
import { element, setText } from "./dom.ts";

export interface LiveColumn<Row> {
  readonly title: string;
  readonly number?: true;
  /** Text of the cell, or, for what is more than text, its element: made once a row, brought up to date each time. */
  readonly cell: (row: Row) => string;
  readonly make?: (row: Row) => HTMLElement;
  /** Marks a cell that wants attention. */
  readonly isSlow?: (row: Row) => boolean;
}

export class LiveTable<Row> {
  readonly #container: HTMLElement;
  readonly #columns: readonly LiveColumn<Row>[];
  readonly #keyOf: (row: Row) => string;
  readonly #mark: (row: Row, node: HTMLTableRowElement) => void;
  readonly #body = element("tbody");
  readonly #rows = new Map<string, HTMLTableRowElement>();

  /** The first column names the row. `mark` sets what a row's look depends on. */
  constructor(
    container: HTMLElement,
    caption: string,
    columns: readonly LiveColumn<Row>[],
    keyOf: (row: Row) => string,
    mark: (row: Row, node: HTMLTableRowElement) => void = () => undefined,
  ) {
    this.#container = container;
    this.#columns = columns;
    this.#keyOf = keyOf;
    this.#mark = mark;
    const head = columns.map((column) =>
      element("th", { scope: "col", ...(column.number ? { class: "number" } : {}) }, column.title),
    );
    const titles = element("thead", {}, element("tr", {}, ...head));
    container.replaceChildren(element("table", {}, element("caption", {}, caption), titles, this.#body));
  }

  show(rows: readonly Row[]): void {
    this.#container.hidden = rows.length === 0;
    const kept = new Set(rows.map(this.#keyOf));
    for (const [key, node] of this.#rows) {
      if (kept.has(key)) continue;
      node.remove();
      this.#rows.delete(key);
    }
    rows.forEach((row, place) => {
      const node = this.#rowOf(row);
      if (this.#body.children[place] !== node) this.#body.insertBefore(node, this.#body.children[place] ?? null);
      this.#mark(row, node);
      this.#columns.forEach((column, i) => {
        const cell = node.cells[i] as HTMLTableCellElement;
        setText((cell.firstElementChild as HTMLElement | null) ?? cell, column.cell(row));
        if (column.isSlow) cell.classList.toggle("slow", column.isSlow(row));
      });
    });
  }

  #rowOf(row: Row): HTMLTableRowElement {
    const key = this.#keyOf(row);
    const known = this.#rows.get(key);
    if (known) return known;
    const cells = this.#columns.map((column, i) => {
      const inner = column.make ? [column.make(row)] : [];
      if (i === 0) return element("th", { scope: "row" }, ...inner);
      return element("td", column.number ? { class: "number" } : {}, ...inner);
    });
    const node = element("tr", {}, ...cells);
    this.#rows.set(key, node);
    return node;
  }
}

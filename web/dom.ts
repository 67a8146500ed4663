/** The little DOM code that the pages share: find, build, and change text only where it differs, so that nothing flickers. */

/** An element that the page's HTML promises. */
export function byId(id: string): HTMLElement {
  const found = document.getElementById(id);
  if (!found) throw new Error(`the page lacks #${id}`);
  return found;
}

export function setText(node: HTMLElement, text: string): void {
  if (node.textContent !== text) node.textContent = text;
}

type Child = Node | string;

/** Text always goes in as text: names come from other machines. */
export function element<T extends keyof HTMLElementTagNameMap>(
  tag: T,
  attributes: Readonly<Record<string, string>> = {},
  ...children: readonly Child[]
): HTMLElementTagNameMap[T] {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

const shown = new WeakMap<HTMLElement, string>();

/** Rebuilds a container only when `data` changed, which keeps focus and selection where they are. */
export function whenChanged(container: HTMLElement, data: unknown, build: () => readonly Node[]): void {
  const key = JSON.stringify(data);
  if (shown.get(container) === key) return;
  shown.set(container, key);
  container.replaceChildren(...build());
}

export interface Column<Row> {
  readonly title: string;
  readonly number?: true;
  readonly cell: (row: Row) => Child;
}

/** A table with a caption; the first column names the row. */
export function table<Row>(caption: string, columns: readonly Column<Row>[], rows: readonly Row[]): HTMLTableElement {
  const kind = (column: Column<Row>): Record<string, string> => (column.number ? { class: "number" } : {});
  const head = columns.map((column) => element("th", { scope: "col", ...kind(column) }, column.title));
  const body = rows.map((row) =>
    element(
      "tr",
      {},
      ...columns.map((column, i) =>
        i === 0 ? element("th", { scope: "row" }, column.cell(row)) : element("td", kind(column), column.cell(row)),
      ),
    ),
  );
  return element(
    "table",
    {},
    element("caption", {}, caption),
    element("thead", {}, element("tr", {}, ...head)),
    element("tbody", {}, ...body),
  );
}

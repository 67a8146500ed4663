/** Tables for a terminal: the first column to the left, figures to the right. */
export type Cell = string | number | undefined;

/** Numbers below 100 get one or two decimals, larger ones none; what is undefined is a dash. */
export function show(value: Cell): string {
  if (value === undefined) return "-";
  if (typeof value === "string") return value;
  if (!Number.isFinite(value)) return "-";
  return Math.abs(value) >= 100 ? value.toFixed(0) : value.toFixed(Math.abs(value) >= 10 ? 1 : 2);
}

export function table(heads: string[], rows: Cell[][], textColumns = 1): string {
  const cells = [heads, ...rows.map((row) => row.map(show))];
  const widths = heads.map((_, column) => Math.max(...cells.map((row) => (row[column] ?? "").length)));
  const line = (row: string[]) =>
    row
      .map((cell, column) => {
        const width = widths[column] ?? 0;
        return column < textColumns ? cell.padEnd(width) : cell.padStart(width);
      })
      .join("  ")
      .trimEnd();
  return [line(cells[0] ?? []), widths.map((width) => "-".repeat(width)).join("  "), ...cells.slice(1).map(line)].join(
    "\n",
  );
}

/** The last minute of one quantity as a line over its area. Decoration: the figure beside it says the same in text. */

const samples = 60;
const width = 240;
const height = 56;

export class Sparkline {
  readonly #area = path("area");
  readonly #line = path("line");
  readonly #values: number[] = [];

  /** `svg` has the viewBox 0 0 240 56. */
  constructor(svg: Element) {
    svg.replaceChildren(this.#area, this.#line);
  }

  /** `top` is the least value that the upper edge stands for. */
  add(value: number, top: number): void {
    this.#values.push(value);
    if (this.#values.length > samples) this.#values.shift();
    const scale = Math.max(top, ...this.#values) || 1;
    const first = samples - this.#values.length;
    const points = this.#values.map((v, i) => {
      const x = ((first + i) / (samples - 1)) * width;
      return `${x.toFixed(1)} ${(height - (v / scale) * (height - 2)).toFixed(1)}`;
    });
    const start = ((first / (samples - 1)) * width).toFixed(1);
    this.#line.setAttribute("d", `M${points.join("L")}`);
    this.#area.setAttribute("d", `M${start} ${height}L${points.join("L")}L${width} ${height}Z`);
  }
}

function path(name: string): SVGPathElement {
  const node = document.createElementNS("http://www.w3.org/2000/svg", "path");
  node.setAttribute("class", name);
  return node;
}

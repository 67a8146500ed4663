/**
 * A channel's history as a graph: bit rate and receivers, one row a minute as the relay stored them. The pointer or the arrow keys
 * read single minutes off it.
 */
import type { RelayMinute } from "../../src/store/relay.ts";
import { byId, element, setText } from "../dom.ts";
import { bits, count, counted } from "../lib/format.ts";
import { ask } from "./server.ts";

const [width, height] = [720, 160];
const refreshMs = 15_000;
/** A hole longer than this is drawn as one. */
const holeMs = 150_000;

const svg = <T extends keyof SVGElementTagNameMap>(
  tag: T,
  its: Record<string, string | number>,
): SVGElementTagNameMap[T] => {
  const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(its)) node.setAttribute(name, String(value));
  return node;
};

const bps = ({ bytes, seconds }: RelayMinute): number => (seconds > 0 ? (8 * bytes) / seconds : 0);
const clock = (ms: number): string => new Date(ms).toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit" });

export class History {
  #channel: string | undefined;
  #minutes = 60;
  #askedMs = 0;
  #rows: readonly RelayMinute[] = [];
  #at: number | undefined;
  #cursor: SVGLineElement | undefined;
  #reading: HTMLElement | undefined;

  span(minutes: number): void {
    this.#minutes = minutes;
    if (this.#channel !== undefined) void this.#load(this.#channel);
  }

  /** Call as often as you like; it asks anew now and then. */
  show(channel: string): void {
    if (channel === this.#channel && Date.now() - this.#askedMs < refreshMs) return;
    void this.#load(channel);
  }

  async #load(channel: string): Promise<void> {
    if (channel !== this.#channel) byId("history").replaceChildren();
    this.#channel = channel;
    this.#askedMs = Date.now();
    const minutes = this.#minutes;
    try {
      const query = new URLSearchParams({ channel, minutes: String(minutes) });
      const found = await ask<{ minutes: readonly RelayMinute[] }>(`/api/history?${query}`);
      if (channel !== this.#channel || minutes !== this.#minutes) return;
      this.#rows = found.minutes;
      this.#draw();
    } catch (cause) {
      console.warn(cause);
      byId("history").replaceChildren(element("p", { class: "empty" }, "The history cannot be read now."));
    }
  }

  #draw(): void {
    const rows = this.#rows;
    if (rows.length === 0) {
      const text = "Nothing in this time. The relay adds a row each minute that somebody is on the channel.";
      byId("history").replaceChildren(element("p", { class: "empty" }, text));
      return;
    }
    const hadFocus = byId("history").contains(document.activeElement);
    const end = Date.now();
    const start = end - this.#minutes * 60_000;
    const x = (ms: number) => Math.max(0, ((ms - start) / (end - start)) * width);
    const topRate = Math.max(...rows.map(bps), 1000);
    const topPeople = Math.max(...rows.map(({ receivers }) => receivers), 1);
    const yRate = (row: RelayMinute) => height - (bps(row) / topRate) * (height - 8);
    const yPeople = ({ receivers }: RelayMinute) => height - (receivers / topPeople) * (height - 8);
    const graph = svg("svg", {
      viewBox: `0 0 ${width} ${height}`,
      preserveAspectRatio: "none",
      tabindex: 0,
      role: "slider",
    });
    graph.setAttribute("aria-label", "Minute of the history");
    graph.setAttribute("aria-valuemin", "0");
    graph.setAttribute("aria-valuemax", String(rows.length - 1));
    for (const part of [0, 0.5, 1]) {
      const y = height - part * (height - 8);
      graph.append(svg("line", { class: "grid", x1: 0, x2: width, y1: y, y2: y }));
    }
    for (const run of runsOf(rows)) {
      // A row stands for the time before it.
      const first = x((run[0] as RelayMinute).atMs - (run[0] as RelayMinute).seconds * 1000).toFixed(1);
      const line = (y: (row: RelayMinute) => number) =>
        `M${first} ${y(run[0] as RelayMinute).toFixed(1)}${run.map((row) => `L${x(row.atMs).toFixed(1)} ${y(row).toFixed(1)}`).join("")}`;
      const last = x((run.at(-1) as RelayMinute).atMs).toFixed(1);
      graph.append(
        svg("path", { class: "area", d: `${line(yRate)}L${last} ${height}L${first} ${height}Z` }),
        svg("path", { class: "rate", d: line(yRate) }),
        svg("path", { class: "people", d: line(yPeople) }),
      );
    }
    this.#cursor = svg("line", { class: "cursor", y1: 0, y2: height, visibility: "hidden" });
    graph.append(this.#cursor);
    this.#reading = element("span", { class: "quiet" });
    this.#listen(graph, x, start, end);
    const axis = [0, 0.25, 0.5, 0.75, 1].map((part) => element("span", {}, clock(start + part * (end - start))));
    byId("history").replaceChildren(
      element(
        "div",
        { class: "chart" },
        element(
          "div",
          { class: "legend quiet" },
          element("span", {}, `Bit rate, up to ${bits(topRate)}`),
          element("span", { class: "people" }, `Receivers, up to ${count(topPeople)}`),
        ),
        graph,
        element("div", { class: "axis quiet mono", "aria-hidden": "true" }, ...axis),
        this.#reading,
      ),
    );
    this.#point(graph, Math.min(this.#at ?? rows.length - 1, rows.length - 1), x, this.#at !== undefined);
    if (hadFocus) graph.focus();
  }

  #listen(graph: SVGSVGElement, x: (ms: number) => number, start: number, end: number): void {
    graph.addEventListener("pointermove", ({ clientX }) => {
      const box = graph.getBoundingClientRect();
      const ms = start + ((clientX - box.left) / box.width) * (end - start);
      let nearest = 0;
      this.#rows.forEach(({ atMs }, i) => {
        if (Math.abs(atMs - ms) < Math.abs((this.#rows[nearest] as RelayMinute).atMs - ms)) nearest = i;
      });
      this.#point(graph, nearest, x, true);
    });
    graph.addEventListener("pointerleave", () => {
      this.#at = undefined;
      this.#point(graph, this.#rows.length - 1, x, false);
    });
    graph.addEventListener("keydown", (event) => {
      const present = this.#at ?? this.#rows.length;
      const to = { ArrowLeft: present - 1, ArrowRight: present + 1, Home: 0, End: this.#rows.length - 1 }[event.key];
      if (to === undefined) return;
      event.preventDefault();
      this.#point(graph, Math.min(this.#rows.length - 1, Math.max(0, to)), x, true);
    });
  }

  #point(graph: SVGSVGElement, at: number, x: (ms: number) => number, isChosen: boolean): void {
    const row = this.#rows[at];
    if (!row || !this.#cursor || !this.#reading) return;
    if (isChosen) this.#at = at;
    const place = x(row.atMs).toFixed(1);
    this.#cursor.setAttribute("x1", place);
    this.#cursor.setAttribute("x2", place);
    this.#cursor.setAttribute("visibility", isChosen ? "visible" : "hidden");
    const leftOut = row.leftOut > 0 ? `, ${count(row.leftOut)} left out` : "";
    const text = `${clock(row.atMs)}: ${bits(bps(row))}, ${counted(row.frames, "message")}, ${counted(row.receivers, "receiver")}${leftOut}`;
    setText(this.#reading, text);
    graph.setAttribute("aria-valuenow", String(at));
    graph.setAttribute("aria-valuetext", text);
  }
}

/** Rows without a hole between. */
function runsOf(rows: readonly RelayMinute[]): RelayMinute[][] {
  const runs: RelayMinute[][] = [];
  for (const row of rows) {
    const run = runs.at(-1);
    const before = run?.at(-1);
    if (run && before && row.atMs - before.atMs <= holeMs) run.push(row);
    else runs.push([row]);
  }
  return runs;
}

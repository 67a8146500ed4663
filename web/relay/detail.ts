/** The channel that is open: its source, what it carries, its receivers one by one, and its history. */
import type { ChannelStats } from "../../src/relay/channel-stats.ts";
import type { ChannelDetail } from "../../src/relay/http.ts";
import type { PeerStats } from "../../src/relay/peer-stats.ts";
import { byId, setText } from "../dom.ts";
import { bits, bytes, count, counted, decimals, duration, milliseconds } from "../lib/format.ts";
import { LiveTable } from "../live-table.ts";
import { facts } from "./facts.ts";
import { History } from "./history.ts";
import { ask, pageUrl } from "./server.ts";
import { pictureText, soundText } from "./words.ts";

/** Waiting longer than this is worth a look. */
const slowMs = 250;

/** A channel with the rates that the page made of two readings. */
export interface ChannelRow {
  readonly stats: ChannelStats;
  readonly fps: number;
  readonly bps: number;
}

export class Detail {
  readonly #history = new History();
  readonly #receivers = new LiveTable<PeerStats>(
    byId("receivers"),
    "Those for whom most waits come first; the round trip is that of the last keepalive",
    [
      { title: "Receiver", cell: ({ remote, connection }) => remote || `number ${connection}` },
      { title: "Since", number: true, cell: ({ connectedSeconds }) => duration(connectedSeconds) },
      {
        title: "Round trip",
        number: true,
        cell: ({ roundTripMs }) => (roundTripMs === null ? "–" : milliseconds(roundTripMs)),
      },
      {
        title: "Queue",
        number: true,
        cell: ({ queuedMessages, queuedBytes }) =>
          queuedMessages === 0 && queuedBytes === 0 ? "empty" : `${count(queuedMessages)}, ${bytes(queuedBytes)}`,
      },
      {
        title: "Lag",
        number: true,
        cell: ({ waitingMs }) => (waitingMs === 0 ? "none" : milliseconds(waitingMs)),
        isSlow: ({ waitingMs }) => waitingMs > slowMs,
      },
      { title: "Left out", number: true, cell: ({ leftOut }) => count(leftOut), isSlow: ({ leftOut }) => leftOut > 0 },
      { title: "Sent", number: true, cell: ({ bytesOut }) => bytes(bytesOut) },
    ],
    ({ connection }) => String(connection),
  );
  #channel: string | undefined;
  #asking = false;

  constructor(close: () => void) {
    byId("close").addEventListener("click", close);
    byId("spans").addEventListener("click", ({ target }) => {
      const minutes = (target as HTMLElement).closest<HTMLElement>("[data-minutes]")?.dataset.minutes;
      if (minutes === undefined) return;
      for (const button of byId("spans").querySelectorAll("button"))
        button.setAttribute("aria-pressed", String(button.dataset.minutes === minutes));
      this.#history.span(Number(minutes));
    });
  }

  /** Brings everything up to date; `row` is undefined for a channel that is gone. */
  show(channel: string | undefined, row: ChannelRow | undefined): void {
    byId("detail").hidden = channel === undefined;
    if (channel === undefined) {
      this.#channel = undefined;
      return;
    }
    if (channel !== this.#channel) {
      this.#channel = channel;
      setText(byId("detail-title"), channel);
      byId("watch").setAttribute("href", pageUrl(`/player/${channel}`));
      this.#receivers.show([]);
    }
    this.#history.show(channel);
    if (row) void this.#ask(channel, row);
    else facts(byId("facts"), [["State", "There is no such channel now"]]);
  }

  async #ask(channel: string, row: ChannelRow): Promise<void> {
    if (this.#asking) return;
    this.#asking = true;
    try {
      const detail = await ask<ChannelDetail>(`/api/channel?${new URLSearchParams({ name: channel })}`);
      if (channel === this.#channel) this.#fill(detail, row);
    } catch (cause) {
      // It may have been collected between two answers; the next poll tells.
      console.warn(cause);
    } finally {
      this.#asking = false;
    }
  }

  #fill({ channel, source, receivers, receiversOmitted }: ChannelDetail, { fps, bps }: ChannelRow): void {
    const { picture, sound, latencyMs } = channel;
    facts(byId("facts"), [
      ["Source", sourceText(channel.sourceElsewhere, source)],
      ["Picture", picture ? pictureText(picture) : "none"],
      ...(sound ? [["Sound", soundText(sound)] as const] : []),
      ["Rate", picture ? `${decimals(fps, 1)} fps, ${bits(bps)}` : bits(bps)],
      ["Relayed", `${counted(channel.framesRelayed, "message")}, ${bytes(channel.bytesRelayed)}`],
      ["Keyframes", count(channel.keyframes)],
      ...(channel.signalDiffs > 0 ? [["Signal diffs", count(channel.signalDiffs)] as const] : []),
      ["Input to the source", counted(channel.inputsRelayed, "event")],
      ["Kept for late joiners", channel.cachedBytes > 0 ? bytes(channel.cachedBytes) : "nothing"],
      ["Time in the relay", latencyMs ? `${milliseconds(latencyMs.p50)}, p99 ${milliseconds(latencyMs.p99)}` : "–"],
      ["Most receivers", count(channel.peakReceivers)],
      ["Whole picture sent again", counted(channel.resyncs, "time")],
      ["Open since", duration(channel.uptimeSeconds)],
    ]);
    byId("no-receivers").hidden = receivers.length > 0;
    this.#receivers.show(receivers);
    setText(
      byId("more-receivers"),
      receiversOmitted > 0 ? `and ${count(receiversOmitted)} more, for whom less waits` : "",
    );
  }
}

function sourceText(isElsewhere: boolean, source: PeerStats | null): string {
  if (isElsewhere) return "on another relay";
  if (!source) return "not connected";
  const since = `for ${duration(source.connectedSeconds)}`;
  const trip = source.roundTripMs === null ? "" : `, round trip ${milliseconds(source.roundTripMs)}`;
  return `${source.remote || "connected"} ${since}${trip}`;
}

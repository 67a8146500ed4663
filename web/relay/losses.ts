/** What was left out, dropped and refused since the relay's start, by reason; and how it stands with the other relays. */
import type { RelayReport } from "../../src/relay/stats.ts";
import { byId, element, table, whenChanged } from "../dom.ts";
import { bytes, count, counted } from "../lib/format.ts";
import { plainWords } from "./words.ts";

interface Loss {
  readonly reason: string;
  readonly what: string;
  readonly number: number;
}

const endings: Readonly<Record<string, string>> = {
  1002: "broken frames",
  1007: "text that is not UTF-8",
  1009: "message too large",
  1013: "no memory for messages",
  4413: "too slow for state",
};

function lossesOf({ drops, transport, cluster }: RelayReport): Loss[] {
  const losses = [{ reason: "receiver too slow", what: "frames left out", number: transport.leftOut }];
  for (const [code, number] of Object.entries(drops)) {
    const refused = /^refused-(.*)/.exec(code)?.[1];
    losses.push({ reason: plainWords(refused ?? code), what: refused ? "refused" : "dropped", number });
  }
  for (const [code, number] of Object.entries(transport.refusals)) {
    const isHttp = Number(code) < 1000;
    losses.push({
      reason: endings[code] ?? `status ${code}`,
      what: isHttp ? "requests refused" : `closed with ${code}`,
      number,
    });
  }
  for (const [code, number] of Object.entries(cluster?.drops ?? {}))
    losses.push({ reason: plainWords(code), what: "dropped from the bus", number });
  return losses.filter(({ number }) => number > 0).sort((a, b) => b.number - a.number);
}

export function showLosses(report: RelayReport): void {
  const losses = lossesOf(report);
  whenChanged(byId("drops"), losses, () =>
    losses.length === 0
      ? [element("p", { class: "empty" }, "Nothing, since the start.")]
      : [
          table<Loss>(
            "Since the start, by reason",
            [
              { title: "Reason", cell: ({ reason }) => reason },
              { title: "What", cell: ({ what }) => what },
              { title: "Count", number: true, cell: ({ number }) => count(number) },
            ],
            losses,
          ),
        ],
  );
  showCluster(report);
}

function showCluster({ cluster }: RelayReport): void {
  whenChanged(byId("cluster"), cluster ?? null, () => {
    if (!cluster)
      return [element("p", { class: "empty" }, "This relay is alone. --bus nats://HOST joins it with others.")];
    const rows: [string, string][] = [
      ["Broker", cluster.isConnected ? "connected" : "lost; local channels go on"],
      ["Came back", counted(cluster.reconnects, "time")],
      ["This relay", cluster.relay],
      ["Other relays", count(cluster.relays)],
      ["Sources here", count(cluster.claims)],
      ["Sources elsewhere", count(cluster.claimsElsewhere)],
      ["Watched elsewhere", `${count(cluster.wanted)} of our channels`],
      ["Watched here", `${count(cluster.followed)} of theirs`],
      ["In", `${counted(cluster.messagesIn, "message")}, ${bytes(cluster.bytesIn)}`],
      ["Out", `${counted(cluster.messagesOut, "message")}, ${bytes(cluster.bytesOut)}`],
      ["Catch-ups", `${count(cluster.catchUpsSent)} sent, ${count(cluster.catchUpsTaken)} taken`],
      ["Sources that gave way", count(cluster.claimsLost)],
      ["Held for the bus", bytes(cluster.pendingBytes)],
    ];
    const list = element("dl", { class: "facts" });
    for (const [term, value] of rows) list.append(element("dt", {}, term), element("dd", {}, value));
    return [list];
  });
}

/**
 * One side of a channel between two Bun processes, through the public interface, pinned to a core, for the bench:
 * `session.ts echo|count NAME` answers or counts until its peer leaves; `session.ts rtt|oneway NAME SIZE SECONDS` measures and
 * prints one JSON line in the form of the other programs of this folder.
 */
import { connectChannel, Outgoing, serveChannel } from "../../../src/index.ts";

const [mode = "", name = "", sizeText = "64", secondsText = "1"] = process.argv.slice(2);
const size = Number(sizeText);
const seconds = Number(secondsText);
const spinUs = 200_000;
const end = 0xffffffff;

/** Bytes 0 to 3 of a message are its number; `end` is the last one. */
async function answer(echo: boolean): Promise<void> {
  const channel = connectChannel(name);
  await channel.connected(10_000);
  let received = 0;
  let expected = 0;
  let missing = 0;
  let first = 0;
  for (;;) {
    const batch = channel.receive(spinUs);
    if (!batch) {
      if (!channel.isConnected()) break;
      await Bun.sleep(0);
      continue;
    }
    if (received === 0) first = Bun.nanoseconds();
    let last = 0;
    for (let i = 0; i < batch.count; i++) {
      last = batch.view.getUint32(batch.at(i), true);
      if (last === end) break;
      missing += last - expected;
      expected = last + 1;
      received++;
      if (echo) channel.send(batch.message(i));
    }
    if (last === end) break;
  }
  const perSecond = (received * 1e9) / (Bun.nanoseconds() - first);
  if (!echo)
    console.log(JSON.stringify({ name: "patchbay, TypeScript", size, messages: received, missing, perSecond }));
  channel.close();
}

async function roundTrips(): Promise<void> {
  const channel = serveChannel(name);
  console.log("ready");
  await channel.connected(10_000);
  const message = new Uint8Array(size);
  const view = new DataView(message.buffer);
  const histogram = new Uint32Array(1 << 16);
  let total = 0;
  let until = Number.POSITIVE_INFINITY;
  for (let number = 0; ; number++) {
    const begun = Bun.nanoseconds();
    if (number === 20_000) until = begun + seconds * 1e9;
    if (begun >= until) break;
    view.setUint32(0, number, true);
    channel.send(message);
    let batch = channel.receive(spinUs);
    // The other side may not have the processor for a while.
    for (let waits = 0; !batch && waits < 100; waits++) batch = channel.receive(spinUs);
    if (batch?.count !== 1 || batch.view.getUint32(batch.at(0), true) !== number)
      throw new Error(
        `instead of message ${number} came ${batch ? `${batch.count} from ${batch.view.getUint32(batch.at(0), true)} on` : "none"}`,
      );
    if (number < 20_000) continue;
    const bucket = Math.min(histogram.length - 1, ((Bun.nanoseconds() - begun) / 10) | 0);
    histogram[bucket] = (histogram[bucket] as number) + 1;
    total++;
  }
  view.setUint32(0, end, true);
  channel.send(message);
  const percentile = (share: number) => {
    let seen = 0;
    const passes = (count: number) => {
      seen += count;
      return seen > total * share;
    };
    return histogram.findIndex(passes) * 10;
  };
  const figures = { roundTrips: total, p50Ns: percentile(0.5), p99Ns: percentile(0.99) };
  console.log(JSON.stringify({ name: "patchbay, TypeScript", size, ...figures }));
  await Bun.sleep(100);
  channel.close();
}

async function oneWay(): Promise<void> {
  const channel = serveChannel(name);
  console.log("ready");
  await channel.connected(10_000);
  const most = 125;
  const batch = new Outgoing(most, most * ((size + 7) & ~7));
  for (let i = 0; i < most; i++) batch.reserve(size);
  const until = Bun.nanoseconds() + seconds * 1e9;
  const offsets = Array.from({ length: most }, (_, i) => batch.entries[2 * i] as number);
  for (let number = 0; Bun.nanoseconds() < until; ) {
    for (let i = 0; i < most; i++) batch.view.setUint32(offsets[i] as number, number++, true);
    let sent = 0;
    while (sent < most) {
      const more = channel.sendMany(batch, 0, false, sent);
      if (more < 0) throw new Error(`sending failed: ${more}`);
      sent += more;
    }
  }
  const last = new Uint8Array(size).fill(255);
  while (channel.send(last, 0, false) !== 0);
  await Bun.sleep(300);
  channel.close();
}

if (mode === "echo" || mode === "count") await answer(mode === "echo");
else if (mode === "rtt") await roundTrips();
else if (mode === "oneway") await oneWay();
else process.exit(64);

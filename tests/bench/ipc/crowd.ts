/**
 * Twenty clients at once on one server of many, asleep in between, for the bench: `crowd.ts serve NAME SECONDS` echoes,
 * `crowd.ts clients NAME COUNT SECONDS` keeps one message of each client on its way and prints how many each got back, as JSON.
 */
import { connectChannel, serveChannel } from "../../../src/index.ts";

const [mode = "", name = "", ...numbers] = process.argv.slice(2);
const message = new Uint8Array(64);

function serve(seconds: number): void {
  const server = serveChannel(
    name,
    {
      messages: (batch) => {
        for (let i = 0; i < batch.count; i++) server.send(message, batch.slot);
      },
    },
    { clients: 31 },
  );
  console.log("ready");
  setTimeout(() => server.close(), seconds * 1000);
}

async function clients(count: number, seconds: number): Promise<void> {
  const counts = new Array<number>(count).fill(0);
  const all = counts.map((_, index) => {
    const channel = connectChannel(
      name,
      {
        messages: (batch) => {
          counts[index] = (counts[index] as number) + batch.count;
          channel.send(message, batch.slot);
        },
      },
      { slots: true },
    );
    return channel;
  });
  const slots = await Promise.all(all.map((channel) => channel.connected(10_000)));
  all.forEach((channel, index) => {
    channel.send(message, slots[index]);
  });
  await Bun.sleep(seconds * 1000);
  console.log(JSON.stringify(counts));
  for (const channel of all) channel.close();
}

if (mode === "serve") serve(Number(numbers[0]));
else if (mode === "clients") await clients(Number(numbers[0]), Number(numbers[1]));
else process.exit(64);

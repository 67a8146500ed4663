/**
 * A program of a user of src/net/ipc.ts, compiled for Windows: serves or asks on a channel, hence on a named pipe there, and prints a
 * line for each thing that happens. PROGRAM serve NAME | ask NAME COUNT | wait NAME | listen NAME
 */
import { type Channel, connect, type IpcResult, listen } from "../../src/net/ipc.ts";
import { itkpCases } from "../vectors/itkp.ts";

const patience = { timeoutMs: 20_000 };

function got<T>(result: IpcResult<T>): T {
  if (result.ok) return result.value;
  console.log(`${result.name}: ${result.message}`);
  process.exit(1);
}

async function echo(channel: Channel): Promise<void> {
  for await (const message of channel) got(await channel.send(message));
  console.log(`gone: ${channel.ended?.name}`);
}

/** Echoes whatever comes, several clients at once, till it is killed. */
async function serve(name: string): Promise<never> {
  const server = got(await listen(name));
  console.log(`serving ${server.address}`);
  for (;;) void echo(got(await server.accept()));
}

/** Each type of message goes there and comes back, over and over. */
async function ask(name: string, count: number): Promise<void> {
  const channel = got(await connect(name));
  for (let sent = 0; sent < count; sent++) {
    const { title, bytes } = itkpCases[sent % itkpCases.length] as (typeof itkpCases)[number];
    got(await channel.send(bytes));
    const answer = got(await channel.recv(patience));
    if (Buffer.compare(answer, bytes) === 0) continue;
    console.log(`${title} came back as ${answer.toHex()}`);
    process.exit(1);
  }
  // Many on the way at once, more than a pipe's buffer holds: all come back, in order.
  const large = itkpCases.toSorted((a, b) => b.bytes.length - a.bytes.length)[0]?.bytes as Uint8Array;
  const burst = 500;
  const sending = Array.from({ length: burst }, () => channel.send(large));
  for (let received = 0; received < burst; received++)
    if (Buffer.compare(got(await channel.recv(patience)), large) !== 0) process.exit(1);
  for (const sent of await Promise.all(sending)) got(sent);
  console.log(`${count} round trips, ${burst} at once`);
  channel.close();
}

async function wait(name: string): Promise<void> {
  const channel = got(await connect(name));
  console.log("connected");
  const end = await channel.recv();
  console.log(end.ok ? "a message" : end.name);
}

const [what, name = "", count = "0"] = process.argv.slice(2);
if (what === "serve") await serve(name);
else if (what === "ask") await ask(name, Number(count));
else if (what === "wait") await wait(name);
else got(await listen(name)).close();
process.exit(0);

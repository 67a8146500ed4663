/** Against Bun's own server on loopback. */
import { afterEach, expect, test } from "bun:test";
import { ReturningWebSocket, type WebSocketSettings } from "./websocket.ts";

interface Attempt {
  readonly target: string;
  readonly authorization: string | null;
}

class Server {
  readonly attempts: Attempt[] = [];
  readonly sockets: Bun.ServerWebSocket<undefined>[] = [];
  readonly server: Bun.Server<undefined>;
  /** A refusal's status and body; undefined lets in. */
  refusal: (attempt: Attempt) => { readonly status: number; readonly body: string } | undefined = () => undefined;

  constructor() {
    this.server = Bun.serve<undefined>({
      hostname: "127.0.0.1",
      port: 0,
      fetch: (request, server) => {
        const { pathname, search } = new URL(request.url);
        const attempt = { target: pathname + search, authorization: request.headers.get("authorization") };
        this.attempts.push(attempt);
        const refused = this.refusal(attempt);
        if (refused) return new Response(refused.body, { status: refused.status });
        return server.upgrade(request) ? undefined : new Response(null, { status: 400 });
      },
      websocket: {
        open: (socket) => void this.sockets.push(socket),
        message: (socket, message) => void socket.send(message),
      },
    });
  }
}

const closing: (() => unknown)[] = [];
afterEach(() => {
  for (const close of closing.splice(0).reverse()) close();
});

function setUp(credentials: WebSocketSettings["credentials"] = [() => undefined]) {
  const server = new Server();
  const events: string[] = [];
  let changed = () => {};
  const note = (event: string) => {
    events.push(event);
    changed();
  };
  const open = (keepalive?: WebSocketSettings["keepalive"]) => {
    const base = `ws://127.0.0.1:${server.server.port}/a`;
    const socket = new ReturningWebSocket(
      { url: (again) => (again ? `${base}?again` : base), credentials, ...(keepalive && { keepalive }) },
      {
        open: () => note("open"),
        lost: (code) => note(`lost ${code}`),
        failed: ({ status, message }, retryMs) => note(`failed ${status} ${message} ${retryMs}`),
        binary: (bytes) => note(`binary ${bytes.length}`),
        text: (text) => note(`text ${text}`),
      },
    );
    closing.push(() => socket.close());
    return socket;
  };
  closing.push(() => server.server.stop(true));
  const until = (count: number): Promise<string[]> =>
    new Promise((resolve) => {
      changed = () => {
        if (events.length >= count) resolve(events);
      };
      changed();
    });
  return { server, open, until, events };
}

test("messages go both ways as they are", async () => {
  const { open, until } = setUp();
  const socket = open();
  expect(socket.send(new Uint8Array(1))).toBe(false);
  await until(1);
  expect(socket.send(new Uint8Array(3))).toBe(true);
  expect(socket.send("word")).toBe(true);
  expect(await until(3)).toEqual(["open", "binary 3", "text word"]);
});

test("it comes back after a loss, says so in the address, and not when another took the place", async () => {
  const { server, open, until } = setUp();
  const socket = open();
  await until(1);
  server.sockets[0]?.close(1001);
  await until(3);
  server.sockets[1]?.close(4409);
  expect(await until(5)).toEqual(["open", "lost 1001", "open", "lost 4409", "open"]);
  expect(server.attempts.map(({ target }) => target)).toEqual(["/a", "/a?again", "/a"]);
  expect(socket.reconnects).toBe(2);
}, 15_000);

test("a server that stands still is noticed by its silence, one that only has nothing to say is not", async () => {
  const { open, until, events } = setUp();
  open({ pingMs: 20, silenceMs: 1000 });
  await until(1);
  const server = `Bun.serve({ port: 0, fetch: (request, server) => void server.upgrade(request),
    websocket: { message() {} } }).port`;
  const child = Bun.spawn([process.execPath, "-e", `console.log(${server})`], { stdout: "pipe" });
  closing.push(() => child.kill(9));
  const port = new TextDecoder().decode((await child.stdout.getReader().read()).value).trim();
  const told: string[] = [];
  let changed = () => {};
  const next = (what: string) =>
    new Promise<void>((resolve) => {
      changed = () => told.at(-1) === what && resolve();
      changed();
    });
  const note = (what: string) => {
    told.push(what);
    changed();
  };
  const socket = new ReturningWebSocket(
    {
      url: () => `ws://127.0.0.1:${port}/`,
      credentials: [() => undefined],
      keepalive: { pingMs: 20, silenceMs: 1000 },
    },
    { open: () => note("open"), lost: (code) => note(`lost ${code}`), failed: () => note("failed") },
  );
  closing.push(() => socket.close());
  await next("open");
  child.kill("SIGSTOP");
  await next("lost 1006");
  // The other one's server answered pings all the while.
  expect(events).toEqual(["open"]);
});

test("refusals are told in the server's words, with pauses that grow", async () => {
  const { server, open, until } = setUp();
  const words = "This key is\u0007 not known.";
  server.refusal = () => ({ status: 409, body: JSON.stringify({ message: words }) });
  open();
  await until(1);
  server.refusal = () => ({ status: 502, body: "<html>" });
  expect(await until(2)).toEqual([
    "failed 409 This key is  not known. 1000",
    "failed 502 it answers with status 502 2000",
  ]);
}, 15_000);

test("the next credential is tried at once after a 401, and the one that was good is kept", async () => {
  const { server, open, until } = setUp([() => undefined, ({ host, target }) => `Signed ${host}${target}`]);
  server.refusal = ({ authorization }) => (authorization === null ? { status: 401, body: "{}" } : undefined);
  open();
  await until(1);
  server.sockets[0]?.close(1001);
  expect(await until(3)).toEqual(["open", "lost 1001", "open"]);
  const { host } = new URL(server.server.url);
  const signed = server.attempts.map(({ authorization }) => authorization);
  // The first is asked twice, the second time for the reason.
  expect(signed).toEqual([null, null, `Signed ${host}/a`, `Signed ${host}/a?again`]);
}, 15_000);

test("a server that does not read is sent no more than its share", async () => {
  const { server, open, until } = setUp();
  const socket = open();
  await until(1);
  const megabyte = new Uint8Array(1024 * 1024);
  // The server's turn comes only after this one.
  let sent = 0;
  while (sent < 64 && socket.send(megabyte)) sent++;
  expect(sent).toBeLessThan(64);
  expect(socket.waitingBytes).toBeLessThanOrEqual(3 * megabyte.length);
  expect(server.sockets.length).toBe(1);
});

test("closed, it stays closed", async () => {
  const { server, open, until, events } = setUp();
  const socket = open();
  await until(1);
  socket.close();
  socket.close();
  server.server.stop(true);
  await Bun.sleep(50);
  expect(events).toEqual(["open"]);
});

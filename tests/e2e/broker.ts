/** A NATS broker of the test's own (Debian's nats-server), and a way to it that can be cut, as a network can. */
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { Child } from "./processes.ts";

export class Broker {
  readonly port: number;
  child: Child;

  /** On a free port, or on the one that it had before. */
  static async start(port = -1, words: readonly string[] = []): Promise<Broker> {
    const child = new Child(["nats-server", "-a", "127.0.0.1", "-p", String(port), ...words]);
    const [, found] = await child.until(/Listening for client connections on 127\.0\.0\.1:(\d+)/);
    await child.until(/Server is ready/);
    return new Broker(Number(found), child);
  }

  private constructor(port: number, child: Child) {
    this.port = port;
    this.child = child;
  }

  get url(): string {
    return `nats://127.0.0.1:${this.port}`;
  }

  async restart(): Promise<void> {
    this.child = (await Broker.start(this.port)).child;
  }
}

/** A way to the broker that the test can cut. */
export class Link {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #isCut = false;

  static async to(port: number): Promise<Link> {
    const link = new Link(port);
    await once(link.#server.listen(0, "127.0.0.1"), "listening");
    return link;
  }

  private constructor(port: number) {
    this.#server = createServer((near) => {
      const far = connect(port, "127.0.0.1");
      for (const [from, to] of [
        [near, far],
        [far, near],
      ] as const) {
        this.#sockets.add(from);
        from.on("error", () => to.destroy());
        from.on("close", () => {
          this.#sockets.delete(from);
          to.destroy();
        });
        from.pipe(to);
      }
      if (this.#isCut) near.destroy();
    });
  }

  get url(): string {
    return `nats://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Ends what is connected and lets nobody through. */
  cut(): void {
    this.#isCut = true;
    for (const socket of this.#sockets) socket.destroy();
  }

  heal(): void {
    this.#isCut = false;
  }

  close(): void {
    this.cut();
    this.#server.close();
  }
}

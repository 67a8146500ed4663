/** Several relays on one bus, all in memory: real cores and clusters, one clock, and whatever the test does to the bus. */
import { ManualClock } from "../../src/base/clock.ts";
import { MemoryBroker, type MemoryBrokerSettings, type MemoryBus } from "../../src/relay/bus-memory.ts";
import { Cluster } from "../../src/relay/cluster.ts";
import { RelayCore } from "../../src/relay/core.ts";
import { type RelaySettings, relayDefaults } from "../../src/relay/limits.ts";
import { type MemoryPeer, MemoryTransport } from "../../src/relay/memory-transport.ts";
import type { RelayTransportEvents } from "../../src/relay/transport.ts";

const tickUs = 50_000;
const stepUs = 500;

export class MemberRelay {
  readonly core: RelayCore;
  readonly cluster: Cluster;
  readonly transport: MemoryTransport;
  readonly bus: MemoryBus;
  readonly lines: string[] = [];
  isDead = false;

  constructor(
    readonly number: number,
    broker: MemoryBroker,
    settings: RelaySettings,
    nowUs: number,
  ) {
    const { keepaliveSeconds, keepaliveTimeoutSeconds, maxMessageBytes } = settings;
    const clusterSettings = { relay: number, name: "sim", keepaliveSeconds, keepaliveTimeoutSeconds, maxMessageBytes };
    const log = (line: string) => void this.lines.push(line);
    this.cluster = new Cluster(clusterSettings, log, nowUs);
    this.bus = broker.attach(this.cluster.events);
    this.cluster.join(this.bus);
    let core: RelayCore | undefined;
    const events: RelayTransportEvents = {
      request: (request) => core?.events.request(request),
      binary: (...all) => core?.events.binary(...all),
      text: (...all) => core?.events.text(...all),
      alive: (...all) => core?.events.alive(...all),
      lagged: (...all) => core?.events.lagged(...all),
      closed: (...all) => core?.events.closed(...all),
    };
    this.transport = new MemoryTransport(events);
    core = new RelayCore(
      settings,
      this.transport,
      () => undefined,
      { http: () => undefined, log },
      nowUs,
      this.cluster,
    );
    this.core = core;
    this.bus.connect();
  }

  open(target: string): MemoryPeer {
    const peer = this.transport.connect(target);
    if (!peer.isOpen) throw new Error(`${target}: ${peer.status} ${peer.body}`);
    return peer;
  }

  get stats() {
    return this.cluster.stats();
  }
}

export class ClusterWorld {
  readonly clock = new ManualClock();
  readonly broker: MemoryBroker;
  readonly relays: MemberRelay[] = [];
  readonly #settings: RelaySettings;

  constructor(count: number, bus: Partial<MemoryBrokerSettings> = {}, settings: Partial<RelaySettings> = {}) {
    this.clock.advance(1_000_000);
    this.broker = new MemoryBroker(this.clock, bus);
    this.#settings = { ...relayDefaults, ...settings };
    for (let i = 0; i < count; i++) this.add();
    this.pass(0.1);
  }

  add(number = 11 + 11 * this.relays.length): MemberRelay {
    const relay = new MemberRelay(number, this.broker, this.#settings, this.clock.nowUs());
    this.relays.push(relay);
    return relay;
  }

  /** Lets time pass in small steps. */
  pass(seconds: number): void {
    for (const endUs = this.clock.nowUs() + seconds * 1e6; this.clock.nowUs() < endUs; ) {
      this.clock.advance(stepUs);
      const nowUs = this.clock.nowUs();
      const awake = this.relays.filter((relay) => !relay.isDead && !relay.bus.isFrozen);
      for (const { core } of awake) core.setTime(nowUs);
      this.broker.deliver();
      if (nowUs % tickUs === 0) for (const { core } of awake) core.tick(nowUs);
      for (const { transport } of awake) transport.settle();
    }
  }

  /** As by SIGKILL: nobody is told. */
  kill(relay: MemberRelay): void {
    relay.isDead = true;
    relay.bus.lose();
  }
}

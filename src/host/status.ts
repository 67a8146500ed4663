/** Puts together what the status page, /api/stats and the final report say of a running host. Reads only. */
import { monotonicClock } from "../../ffi/clock.ts";
import { toMillis } from "../base/units.ts";
import { fingerprint } from "../secure/fingerprint.ts";
import type { DeviceIdentity } from "../secure/identity.ts";
import { version } from "../version.ts";
import { permission } from "../wire/root.ts";
import type { HostChannel } from "./channel.ts";
import type { Directory } from "./directory.ts";
import type { Host } from "./host.ts";
import type { HostStats, PeerStats } from "./stats.ts";
import type { Remote, Viewer } from "./viewer.ts";

export function hostStats(host: Host, identity: DeviceIdentity, directory: Directory): HostStats {
  const nowUs = monotonicClock.nowUs();
  const source = host.describe();
  const grabber = host.grabberStats();
  const viewers = [...host.core.viewers];
  const channels = host.channels.map((channel) => channel.stats(nowUs));
  const udp = host.udpStats();
  return {
    version,
    name: identity.name,
    fingerprint: fingerprint(identity.signing.publicKey),
    uptimeSeconds: (nowUs - host.startedUs) / 1e6,
    source: { ...source, fps: host.settings.fps, failures: host.failures.list, imported: grabber.imported },
    stream: {
      fps: host.meters.fps(nowUs),
      bitrateBps: host.meters.bitrateBps(nowUs),
      frames: host.meters.frames,
      keyframes: host.meters.keyframes,
      skipped: {
        "capture-busy": grabber.skippedBusy,
        "queue-full": grabber.skippedFull,
        "rate-control": grabber.skippedEncoder,
        "encoder-failed": grabber.encoderFaults,
        "send-queue-full":
          sum(viewers, (viewer) => viewer.subscription?.stats.droppedFull ?? 0) + sum(channels, (c) => c.droppedFull),
        "waiting-for-keyframe":
          sum(viewers, (viewer) => viewer.subscription?.stats.droppedWaiting ?? 0) +
          sum(channels, (c) => c.droppedWaiting),
      },
    },
    sound: host.sound.stats(
      host.core.sound.subscribers,
      sum(viewers, (viewer) => viewer.listener.leftOut) + sum(channels, (c) => c.soundsLeftOut),
      nowUs,
    ),
    stagesMs: host.meters.stagesMs(),
    peers: [
      ...viewers.map((viewer) => connectedPeer(viewer, nowUs)),
      ...channelPeers(host, nowUs),
      ...absentPeers(directory, viewers),
    ],
    drops: allDrops(host, viewers),
    udp: { port: host.port, receiveBufferBytes: host.receiveBufferBytes, ...udp },
  };
}

const sum = <T>(all: readonly T[], of: (one: T) => number): number => all.reduce((total, one) => total + of(one), 0);

/** A relay's channel, and the browsers on this host's own page, stand among the peers: they see the picture as well. */
function channelPeers(host: Host, nowUs: number): PeerStats[] {
  const { relaying, browsers } = host;
  const all: PeerStats[] = [];
  if (relaying)
    all.push(channelPeer(`relay, channel ${relaying.target.channel}`, relaying.target.origin, relaying.channel));
  if (browsers?.stats(nowUs).isOn) all.push(channelPeer("browsers on this page", "", browsers));
  return all;

  function channelPeer(name: string, address: string, channel: HostChannel): PeerStats {
    const { isOn, seconds, mayControl, bitrateBps, frames, droppedFull, droppedWaiting } = channel.stats(nowUs);
    const dropped = droppedFull + droppedWaiting;
    return {
      name,
      fingerprint: "",
      state: isOn ? "connected" : "approved",
      permissions: mayControl ? ["view", "input"] : ["view"],
      address,
      connectedSeconds: seconds,
      rttMs: null,
      lossPercent: dropped === 0 ? 0 : (100 * dropped) / (frames + dropped),
      bitrateBps,
    };
  }
}

function allDrops(host: Host, viewers: readonly Viewer<Remote>[]): Record<string, number> {
  const total: Record<string, number> = {};
  const counts = [
    host.core.drops,
    host.core.departed,
    ...viewers.flatMap((viewer) => [viewer.drops, viewer.link.drops]),
    ...host.channels.map((channel) => channel.drops),
  ];
  for (const counters of counts)
    for (const [reason, count] of Object.entries(counters.toJSON())) total[reason] = (total[reason] ?? 0) + count;
  return total;
}

function connectedPeer(viewer: Viewer<Remote>, nowUs: number): PeerStats {
  const { identity, link, remote } = viewer;
  const seconds = (nowUs - viewer.connectedUs) / 1e6;
  const roundTripUs = link.clock.roundTripUs;
  return {
    name: identity.name,
    fingerprint: identity.fingerprint,
    state: viewer.admitted ? "connected" : "waiting",
    ...(viewer.admitted ? {} : { words: identity.words }),
    permissions: permissionNames(viewer.permissions),
    address: `${remote.host.includes(":") ? `[${remote.host}]` : remote.host}:${remote.port}`,
    connectedSeconds: seconds,
    rttMs: roundTripUs === undefined ? null : toMillis(roundTripUs),
    lossPercent: link.lossPercent,
    bitrateBps: viewer.bitRate.perSecond(nowUs),
  };
}

function absentPeers(directory: Directory, viewers: readonly Viewer<Remote>[]): PeerStats[] {
  const present = new Set(viewers.map((viewer) => viewer.identity.fingerprint));
  return directory
    .list()
    .filter((peer) => !present.has(peer.fingerprint))
    .map((peer) => ({
      name: peer.name || "not seen yet",
      fingerprint: peer.fingerprint,
      state: peer.state,
      ...(peer.state === "waiting" && peer.words ? { words: peer.words.split(" ") } : {}),
      permissions: permissionNames(peer.permissions),
      address: peer.address ?? "",
      connectedSeconds: 0,
      rttMs: null,
      lossPercent: 0,
      bitrateBps: 0,
    }));
}

function permissionNames(bits: number): string[] {
  return Object.entries(permission)
    .filter(([, bit]) => (bits & bit) !== 0)
    .map(([name]) => name);
}

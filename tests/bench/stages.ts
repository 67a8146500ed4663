/**
 * What each stage costs alone, at 1920x1080: conversion beside a memcpy (stages.c), capture, conversion and encoding by each backend
 * that works here, decoding and showing by each decoder, and sound's share of a core. Backends that do not work here are named
 * with their reason, and no figure is made up for them.
 */
import { existsSync } from "node:fs";
import { openAudioSink, openAudioSource } from "../../ffi/audio.ts";
import { monotonicClock } from "../../ffi/clock.ts";
import { openGrabber, probeBackends } from "../../ffi/grabber.ts";
import { decodableCodecs, openPlayer } from "../../ffi/player.ts";
import { openScene } from "../../ffi/scene.ts";
import { BenchFailed, finish, Missing } from "./children.ts";
import { buildTool, openDisplay } from "./meter.ts";
import { type Cell, table } from "./table.ts";

const picture = { width: 1920, height: 1080, fps: 30, bitrateBps: 10_000_000 };
const frames = 150;
const codec = "h264" as const;

interface Times {
  p50: number;
  p99: number;
}

/** One picture size and content; every member that is an object is a stage, in ms. */
type Conversion = Record<string, string | number | Times>;

export interface StagesResult {
  conversion: Conversion[];
  /** By "content, capture, encoder" and "content, decoder": stages in ms. */
  backends: Record<string, Record<string, Times>>;
  /** Percent of a core. */
  sound: Record<string, number>;
  absent: Record<string, string>;
}

async function conversion(): Promise<Conversion[]> {
  if (!existsSync("tests/bench/stages.c")) throw new Missing("tests/bench/stages.c does not exist");
  const lines = (await finish([await buildTool("stages")])).split("\n").filter(Boolean);
  const results = lines.map((line) => JSON.parse(line) as Conversion);
  const rows = results.flatMap((result) => {
    const copy = result.memcpy;
    const unit = typeof copy === "object" ? copy.p50 : Number.NaN;
    return Object.entries(result).flatMap(([stage, time]): Cell[][] =>
      typeof time === "object"
        ? [[`${result.width} x ${result.height} ${result.content}`, stage, time.p50, time.p99, unit / time.p50]]
        : [],
    );
  });
  console.log(`\n${table(["picture", "conversion", "p50 ms", "p99 ms", "of memcpy's speed"], rows, 2)}`);
  return results;
}

function timesOf(microseconds: number[]): Times {
  const sorted = microseconds.toSorted((a, b) => a - b);
  const at = (share: number) => (sorted[Math.floor(sorted.length * share)] ?? Number.NaN) / 1000;
  return { p50: at(0.5), p99: at(0.99) };
}

/** Reads what a native thread has until `done`. */
async function drain(take: () => boolean, done: () => boolean, what: string): Promise<void> {
  const end = performance.now() + 60_000;
  while (!done()) {
    if (performance.now() > end) throw new BenchFailed(`${what} came to a halt`);
    if (!take()) await Bun.sleep(1);
  }
}

/** Captures and encodes, and keeps the access units for the decoders. */
async function encode(capture: string, target: string, encoder: string) {
  const settings = { ...picture, capture, target, encoder, codec, keyframeInterval: 0 };
  const opened = openGrabber(settings, () => undefined);
  if (!opened.ok) throw new BenchFailed(opened.message);
  const grabber = opened.value;
  const stages: Record<string, number[]> = { capture: [], convert: [], encode: [] };
  const units: Uint8Array[] = [];
  const take = () => {
    const frame = grabber.take();
    if (frame?.kind === "frame") {
      stages.capture?.push(frame.capturedUs - frame.captureUs);
      stages.convert?.push(frame.convertedUs - frame.capturedUs);
      stages.encode?.push(frame.encodedUs - frame.convertedUs);
      units.push(grabber.bytes(frame).slice());
    }
    return frame !== undefined;
  };
  await drain(take, () => units.length >= frames, `${capture} by ${encoder}`);
  grabber.close();
  return { stages, units };
}

/** One access unit at a time, without a window. */
async function decode(decoder: string, units: readonly Uint8Array[]): Promise<Record<string, number[]>> {
  const window = { display: "headless", target: "", title: "", width: 0, height: 0 };
  const opened = openPlayer({ ...window, decoder, fullscreen: false, readTimecode: false }, () => undefined);
  if (!opened.ok) throw new BenchFailed(opened.message);
  const player = opened.value;
  const stages: Record<string, number[]> = { decode: [], present: [] };
  for (const [index, unit] of units.entries()) {
    let isDone = false;
    player.push(unit, unit.length, index, index === 0, 1);
    const take = () => {
      const event = player.take();
      if (event?.kind === "shown") {
        stages.decode?.push(event.decodedUs - event.decodeBeginUs);
        stages.present?.push(event.shownUs - event.decodedUs);
      }
      if (event) isDone = true;
      return event !== undefined;
    };
    await drain(take, () => isDone, decoder);
  }
  player.close();
  return stages;
}

async function backends(absent: Record<string, string>): Promise<StagesResult["backends"]> {
  const all: Record<string, Record<string, Times>> = {};
  const keep = (name: string, stages: Record<string, number[]>) => {
    all[name] = Object.fromEntries(Object.entries(stages).map(([stage, times]) => [stage, timesOf(times)]));
  };
  const { name: display } = await openDisplay(picture.width, picture.height);
  const usable = (module: string, ...asked: string[]) =>
    probeBackends(module, ...asked).filter(({ name, usable: works, detail }) => {
      if (!works) absent[name] = detail;
      return works;
    });
  const encoders = usable("encode").map(({ name }) => name);
  const decoders = probeBackends("decode").filter(({ name }) => decodableCodecs(name).includes(codec));
  for (const mode of ["scroll", "video"] as const) {
    const scene = openScene({ target: display, width: 0, height: 0, fps: picture.fps, mode });
    if (!scene.ok) throw new BenchFailed(scene.message);
    for (const encoder of encoders) {
      const { stages, units } = await encode("x11", display, encoder);
      keep(`${mode}, x11, ${encoder}`, stages);
      if (encoder !== encoders.at(-1)) continue;
      for (const { name } of decoders) keep(`${mode}, ${name}, headless`, await decode(name, units));
    }
    scene.value.close();
  }
  for (const { name } of usable("capture"))
    if (["drm", "fbdev", "pattern"].includes(name))
      keep(`${name}, openh264`, (await encode(name, "", "openh264")).stages);
  delete absent.x11;
  delete absent.shm;
  return all;
}

/** Percent of a core that this process uses over some seconds, looking for work as often as sound has packets. */
async function share(work: () => void): Promise<number> {
  const [from, since] = [process.cpuUsage(), performance.now()];
  while (performance.now() - since < 5000) {
    await Bun.sleep(20);
    work();
  }
  const { user, system } = process.cpuUsage(from);
  return (user + system) / 10 / (performance.now() - since);
}

/** 48 kHz stereo, 20 ms, 128 kbit/s. A tone is played nowhere: what takes it at its pace stands for the device. */
async function soundBy(name: string, shares: Record<string, number>): Promise<string | undefined> {
  const settings = { device: "", microphone: false, frameUs: 20_000, bitrateBps: 128_000 } as const;
  const source = openAudioSource({ ...settings, backend: name }, () => undefined);
  if (!source.ok) return source.message;
  const packets: Uint8Array[] = [];
  shares[`${name}: captured and encoded`] = await share(() => {
    source.value.rearm();
    for (let packet = source.value.take(); packet; packet = source.value.take())
      if (packet.kind === "packet") packets.push(source.value.bytes(packet).slice());
  });
  source.value.close();
  const played = name === "tone" ? "none" : name;
  const sink = openAudioSink({ backend: played, device: "", minDelayUs: 0, virtualSource: false });
  if (!sink.ok) return sink.message;
  let next = 0;
  let captureUs: number = monotonicClock.nowUs();
  shares[`${played}: decoded and played`] = await share(() => {
    while (captureUs <= monotonicClock.nowUs()) {
      const packet = packets[next++ % packets.length];
      if (packet) sink.value.push(packet, packet.length, captureUs);
      captureUs += settings.frameUs;
    }
  });
  sink.value.close();
  return undefined;
}

async function sound(absent: Record<string, string>): Promise<Record<string, number>> {
  const shares: Record<string, number> = { "nothing but looking": await share(() => undefined) };
  for (const { name, usable, detail } of probeBackends("audio")) {
    if (name === "file" || name === "none") continue;
    const why = usable ? await soundBy(name, shares) : detail;
    if (why !== undefined) absent[name] = why;
  }
  return shares;
}

export async function stages(): Promise<StagesResult> {
  const absent: Record<string, string> = {};
  const result = {
    conversion: await conversion(),
    backends: await backends(absent),
    sound: await sound(absent),
    absent,
  };
  const rows = Object.entries(result.backends).flatMap(([name, of]) =>
    Object.entries(of).map(([stage, { p50, p99 }]): Cell[] => [name, stage, p50, p99]),
  );
  console.log(`\n${table(["1920 x 1080", "stage", "p50 ms", "p99 ms"], rows, 2)}`);
  console.log(`\n${table(["sound", "% of a core"], Object.entries(result.sound))}`);
  console.log("\nnot here, so not measured:");
  for (const [name, why] of Object.entries(absent)) console.log(`  ${name}: ${why}`);
  return result;
}

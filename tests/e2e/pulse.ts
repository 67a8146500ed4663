/**
 * A private PulseAudio with null sinks, which are paced like devices and heard by nobody, and what is needed to play tones into them
 * and to hear what came out. Knows nothing of Patchbay.
 */
import { existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { temporaryFolder } from "./harness.ts";
import { Child, eventually } from "./processes.ts";

export const hasPulse = Bun.which("pulseaudio") !== null && Bun.which("pacat") !== null;

const format = ["--raw", "--rate=48000", "--channels=2", "--format=s16le", "--latency-msec=20"];
export const rate = 48_000;
/** Sound cannot wait, and other tests run beside this one. Where it is not permitted, nice says so and goes on. */
export const urgently = ["nice", "-n", "-15"];

export class Pulse {
  readonly folder = temporaryFolder();
  readonly env: Record<string, string>;
  readonly #sinks: readonly string[];
  server: Child | undefined;

  constructor(sinks: readonly string[]) {
    this.#sinks = sinks;
    const { folder } = this;
    this.env = { PULSE_SERVER: `unix:${folder}/socket`, HOME: folder, XDG_RUNTIME_DIR: folder };
  }

  /** Starts the server, or starts it again, and waits until it answers. */
  async start(): Promise<void> {
    const modules = this.#sinks.map((name) => `module-null-sink sink_name=${name} rate=${rate}`);
    const socket = `module-native-protocol-unix socket=${this.folder}/socket auth-anonymous=1`;
    const flags = ["-n", "--daemonize=no", "--exit-idle-time=-1", "--use-pid-file=no"];
    const loads = [...modules, socket].flatMap((module) => ["-L", module]);
    this.server = new Child([...urgently, "pulseaudio", ...flags, ...loads], { ...process.env, ...this.env });
    await eventually("the sound server", async () => (await this.run("pactl", "info")) === 0);
  }

  async run(...command: string[]): Promise<number> {
    return new Child(command, { ...process.env, ...this.env }).ended();
  }

  /** Names of the sources there are. */
  async sources(): Promise<string> {
    const child = new Child(["pactl", "list", "short", "sources"], { ...process.env, ...this.env });
    await child.ended();
    return child.out;
  }

  /** Plays a tone of `hz` into a sink for at most `seconds`. */
  play(sink: string, hz: number, seconds: number): Child {
    const file = join(this.folder, `${hz}.raw`);
    const samples = new Int16Array(2 * rate * seconds);
    for (let i = 0; i < samples.length; i++)
      samples[i] = Math.round(12_000 * Math.sin((2 * Math.PI * hz * (i >> 1)) / rate));
    writeFileSync(file, samples);
    return new Child([...urgently, "pacat", "--playback", `--device=${sink}`, ...format, file], {
      ...process.env,
      ...this.env,
    });
  }

  /** What a source gives from now on, for so long: the left channel. */
  async record(source: string, seconds: number): Promise<Int16Array> {
    const file = join(this.folder, `record-${performance.now()}.raw`);
    const wanted = seconds * rate * 4;
    const child = new Child([...urgently, "parec", `--device=${source}`, ...format, file], {
      ...process.env,
      ...this.env,
    });
    await eventually(`${seconds} s of ${source}`, () => existsSync(file) && statSync(file).size >= wanted);
    await child.kill();
    return leftOf(file).subarray(0, seconds * rate);
  }
}

/** The left channel of a file of stereo samples. */
export function leftOf(file: string): Int16Array {
  const bytes = readFileSync(file);
  const left = new Int16Array(bytes.length >> 2);
  for (let i = 0; i < left.length; i++) left[i] = bytes.readInt16LE(4 * i);
  return left;
}

export interface Tone {
  /** By zero crossings; NaN in silence. */
  readonly hz: number;
  /** Of the whole, 0 to 32767. */
  readonly loudness: number;
  /** Places of 5 ms or more that are far quieter than the rest. */
  readonly gaps: number;
  /** Share of the power that is the tone's own, at `expected` Hz. */
  readonly purity: number;
}

const windowSamples = rate / 200;

/** What a recording of one steady tone holds. */
export function listen(samples: Int16Array, expected: number): Tone {
  const powers: number[] = [];
  for (let from = 0; from + windowSamples <= samples.length; from += windowSamples)
    powers.push(samples.subarray(from, from + windowSamples).reduce((sum, v) => sum + v * v, 0) / windowSamples);
  const mean = powers.reduce((sum, power) => sum + power, 0) / powers.length;
  let gaps = 0;
  for (const [i, power] of powers.entries()) if (power < mean / 10 && !((powers[i - 1] ?? mean) < mean / 10)) gaps++;
  return { hz: frequency(samples), loudness: Math.sqrt(mean), gaps, purity: share(samples, expected, mean) };
}

function frequency(samples: Int16Array): number {
  let first = Number.NaN;
  let last = Number.NaN;
  let count = -1;
  for (let i = 1; i < samples.length; i++) {
    const [before, after] = [samples[i - 1] as number, samples[i] as number];
    if (before >= 0 || after < 0) continue;
    last = i - 1 + before / (before - after);
    if (count++ < 0) first = last;
  }
  return (count * rate) / (last - first);
}

/** In windows of 100 ms, so that a tone whose phase was shifted on its way still counts as one. */
function share(samples: Int16Array, hz: number, mean: number): number {
  const size = rate / 10;
  const turn = (2 * Math.PI * hz) / rate;
  let power = 0;
  let windows = 0;
  for (let from = 0; from + size <= samples.length; from += size, windows++) {
    let [re, im] = [0, 0];
    for (let i = 0; i < size; i++) {
      re += (samples[from + i] as number) * Math.cos(turn * i);
      im += (samples[from + i] as number) * Math.sin(turn * i);
    }
    power += (2 * (re * re + im * im)) / (size * size);
  }
  return power / windows / mean;
}

/** Its frequency to a thousandth, without a gap, and nothing else. */
export const isExact = ({ hz, gaps, purity }: Tone, wanted: number): boolean =>
  Math.abs(hz - wanted) < wanted / 1000 && gaps === 0 && purity > 0.98;

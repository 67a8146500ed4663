// lab: modules="snd-aloop:pcm_substreams=2" gpu="" clock="virtual"
/**
 * Sound through ALSA and the kernel's loopback card: a tone that another program plays is captured, encoded, decoded, played and
 * recorded by another program again. Then the card is taken away and given back.
 */
import { afterAll, afterEach, expect, test } from "bun:test";
import { existsSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { openAudioSink, openAudioSource } from "../../ffi/audio.ts";
import { probeBackends } from "../../ffi/grabber.ts";
import type { AudioSink, AudioSource } from "../../ffi/interfaces-audio.ts";
import { temporaryFolder } from "../e2e/harness.ts";
import { Child, cleanUp, eventually } from "../e2e/processes.ts";
import { leftOf, listen, rate } from "../e2e/pulse.ts";

const hz = 1000;
const card = "build/lab/sound_card";
const nobody = () => undefined;
const descriptors = () => readdirSync("/proc/self/fd").length;

const open: { close(): void }[] = [];

afterEach(() => {
  for (const one of open.splice(0)) one.close();
});
afterAll(cleanUp);

/** Everything from the source goes into the sink; notices are kept. */
function connect(): { source: AudioSource; sink: AudioSink; notices: string[] } {
  const notices: string[] = [];
  const opened = openAudioSink({
    backend: "alsa",
    device: "hw:Loopback,0,1",
    minDelayUs: 800_000,
    virtualSource: false,
  });
  if (!opened.ok) throw new Error(opened.message);
  const sink = opened.value;
  open.push(sink);
  const onWake = () => {
    if (!captured.ok) return;
    captured.value.rearm();
    for (let packet = captured.value.take(); packet; packet = captured.value.take())
      if (packet.kind === "packet") sink.push(captured.value.bytes(packet), packet.size, packet.captureUs);
      else notices.push(packet.kind);
  };
  const captured = openAudioSource(
    { backend: "alsa", device: "hw:Loopback,1,0", microphone: false, frameUs: 20_000, bitrateBps: 128_000 },
    onWake,
  );
  if (!captured.ok) throw new Error(captured.message);
  open.push(captured.value);
  return { source: captured.value, sink, notices };
}

test("a tone that is played comes out the other end, as high, as loud and whole", async () => {
  expect(probeBackends("audio").find((one) => one.name === "alsa")?.usable).toBe(true);
  const before = descriptors();
  const player = new Child([card, "play", "hw:Loopback,0,0", `${hz}`, "60"]);
  await player.until(/begun/);
  const { source, sink } = connect();
  // Positions of an emulated card are rough at first; in step, nothing is stretched for half a second.
  let [played, stretched] = [0, -1];
  await eventually("sound in step", () => {
    const now = sink.stats();
    if (now.played === 0 || now.played < played + rate / 2) return false;
    const steady = now.stretched === stretched;
    [played, stretched] = [now.played, now.stretched];
    return steady;
  });
  const file = join(temporaryFolder(), "heard.raw");
  const made = () => sink.stats().lost + sink.stats().concealed + source.stats().overruns;
  let told = "";
  // Emulation stands still now and then on a busy machine, for longer than any buffer: seconds without that are looked for.
  await eventually("two exact seconds", async () => {
    const before = made();
    expect(await new Child([card, "record", "hw:Loopback,1,1", "3", file]).ended()).toBe(0);
    const tone = listen(leftOf(file).subarray(rate / 2, 2.5 * rate), hz);
    told = JSON.stringify({ ...tone, made: made() - before, delayUs: sink.stats().delayUs });
    const isLoud = Math.abs(tone.loudness - 12_000 / Math.SQRT2) < 500;
    const isTrue = Math.abs(tone.hz - hz) < hz / 200 && tone.gaps === 0 && tone.purity > 0.85;
    const isTimely = Math.abs(sink.stats().delayUs - 800_000) < 100_000; // from capture to hearing, as near as emulation lets it
    return isLoud && isTrue && isTimely && made() - before <= 3;
  }).catch((cause: unknown) => {
    throw new Error(told, { cause });
  });
  source.close();
  sink.close();
  await player.kill();
  await eventually("all descriptors closed", () => descriptors() === before);
});

test("a busy device names who holds it, and one that is not there says so", async () => {
  const holder = new Child([card, "record", "hw:Loopback,1,0", "60", "/dev/null"]);
  await holder.until(/begun/);
  const settings = { backend: "alsa", microphone: false, frameUs: 20_000, bitrateBps: 128_000 } as const;
  const busy = openAudioSource({ ...settings, device: "hw:Loopback,1,0" }, nobody);
  expect(busy.ok ? "" : busy.message).toMatch(
    /hw:Loopback,1,0: snd_pcm_open: .*busy; it is in use by sound_card \(\d+\)/,
  );
  await holder.kill();
  const absent = openAudioSource({ ...settings, device: "hw:Nothing" }, nobody);
  expect(absent.ok ? "" : absent.message).toContain("hw:Nothing: snd_pcm_open");
});

test("a card that is taken away is noticed, and used again when it is back", async () => {
  const driver = "/sys/bus/platform/drivers/snd_aloop";
  const { source, sink, notices } = connect();
  await eventually("sound", () => sink.stats().played > 0);
  writeFileSync(join(driver, "unbind"), "snd_aloop.0");
  await eventually("the notice", () => notices.length === 1 && sink.stats().deviceLost === 1);
  expect(notices).toEqual(["lost"]);
  expect(source.describe().detail).toContain("hw:Loopback,1,0: ");
  expect(existsSync("/proc/asound/Loopback")).toBe(false);
  writeFileSync(join(driver, "bind"), "snd_aloop.0");
  await eventually("its return", () => notices.length === 2 && sink.stats().reopened === 1);
  expect(notices).toEqual(["lost", "back"]);
  const { played } = sink.stats();
  await eventually("sound again", () => sink.stats().played > played);
  source.close();
  sink.close();
});

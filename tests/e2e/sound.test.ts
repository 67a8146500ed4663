/**
 * Sound through the real executable: what a program plays on the host's PulseAudio comes out of the client's, exactly and in step
 * with the picture, and a microphone goes the other way. Without permission there is silence; without a sound server too, and the
 * picture goes on; and sound returns with it.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { Home, type RunningHost, reportOf, startHeadless, startHost, startPatternHost } from "./harness.ts";
import { type Child, cleanUp, eventually } from "./processes.ts";
import { hasPulse, isExact, listen, Pulse, type Tone, urgently } from "./pulse.ts";

const slow = 60_000;
const all = "view,sound,input,microphone";
const music = 1000;
const voice = 600;

afterAll(cleanUp);

/** Without a gap, and within the few thousandths by which sound that must not be late is stretched. */
const isWhole = ({ hz, gaps }: Tone, wanted: number): boolean => Math.abs(hz - wanted) < wanted / 150 && gaps === 0;

// Without PulseAudio: install the Debian packages pulseaudio and pulseaudio-utils.
describe.skipIf(!hasPulse)("between two sound devices", () => {
  const pulse = new Pulse(["game", "ear", "mouth"]);
  const hosting = new Home(pulse.env, urgently);
  const viewing = new Home(pulse.env, urgently);
  const ears = ["--sound", "pulse", "--sound-device", "ear"];
  let host: RunningHost;
  let client: Child;

  /** Resolves when a tone is heard there. */
  const untilHeard = (source: string, hz: number) =>
    eventually(`${hz} Hz on ${source}`, async () => listen(await pulse.record(source, 0.2), hz).purity > 0.5);

  /** Resolves with a second and a half of such a tone: a machine with other things to do may need a few. */
  async function untilGood(source: string, hz: number, isGood: typeof isExact): Promise<void> {
    let last: Tone | undefined;
    const heard = async () => {
      last = listen(await pulse.record(source, 1.5), hz);
      return isGood(last, hz);
    };
    await eventually(`a good tone on ${source}`, heard).catch((cause) => {
      throw new Error(JSON.stringify(last), { cause });
    });
  }

  beforeAll(async () => {
    await Promise.all([pulse.start(), hosting.approve(viewing, "--permit", all)]);
    pulse.play("game", music, 60);
    pulse.play("mouth", voice, 60);
    await untilHeard("game.monitor", music);
    const sound = ["--sound", "pulse", "--sound-device", "game.monitor"];
    host = await startPatternHost(hosting, ...sound);
    const mouth = ["--microphone", "--microphone-device", "mouth.monitor"];
    client = startHeadless(viewing, host.place, "--json", "-", "--sound-delay", "500ms", ...ears, ...mouth);
    await client.until(/approved/);
  }, slow);

  test(
    "a tone comes out as it went in, and a microphone's on the host",
    async () => {
      await untilGood("ear.monitor", music, isExact);
      const { sound } = await host.until("the microphone", (stats) => stats.sound.microphones.length === 1);
      expect(sound).toMatchObject({ state: "live", backend: "pulse", listeners: 1, deviceLost: 0 });
      const [microphone] = sound.microphones;
      await untilGood(microphone?.device ?? "", voice, isWhole);
      expect(await pulse.sources()).toContain(microphone?.device as string);
    },
    slow,
  );

  test(
    "when the sound server dies the picture goes on, and sound returns with it",
    async () => {
      await pulse.server?.kill();
      await Promise.all([host.child.until(/sound is gone/), client.until(/device for sound is gone/)]);
      const { stream, sound } = await host.stats();
      expect(sound.state).toBe("lost");
      await host.until("pictures", (stats) => stats.stream.frames > stream.frames + 10);
      await pulse.start();
      await Promise.all([host.child.until(/sound is back/), client.until(/device for sound is back/)]);
      pulse.play("game", music, 20);
      await untilHeard("ear.monitor", music);
    },
    slow,
  );

  test(
    "permission taken away is silence at once, and both sides say so",
    async () => {
      await hosting.approve(viewing, "--permit", "view");
      const { sound, peers } = await host.until("nobody listening", (stats) => stats.sound.listeners === 0);
      expect([sound.state, peers[0]?.permissions]).toEqual(["idle", ["view"]]);
      await client.until(/does not permit this device to hear/);
      await client.until(/microphone is off/);
      await host.until("the microphone gone", (stats) => stats.sound.microphones.length === 0);
      await eventually("silence", async () => listen(await pulse.record("ear.monitor", 0.2), music).loudness < 1);
      const report = await reportOf(client);
      expect(report.sound).toMatchObject({ state: "refused", deviceLost: 1 });
      expect(report.microphone.state).toBe("refused");
      expect(report.sound.pushed).toBeGreaterThan(100);
    },
    slow,
  );

  test(
    "with --lip-sync on, lips and voice are within 20 ms of each other",
    async () => {
      await Promise.all([hosting.approve(viewing), host.child.interrupt()]);
      const tone = pulse.play("game", music, 60);
      const picture = ["--capture", "pattern", "--size", "640x360", "--fps", "30"];
      host = await startHost(hosting, ...picture, "--sound", "pulse", "--sound-device", "game.monitor");
      let apartMs = Number.POSITIVE_INFINITY;
      // A machine with other things to do may need more than one try.
      for (let tries = 0; tries < 3 && apartMs >= 20; tries++) {
        client = startHeadless(viewing, host.place, "--json", "-", "--lip-sync", "on", ...ears);
        await untilHeard("ear.monitor", music);
        const before = (await host.stats()).sound;
        await host.until("four seconds of it", (stats) => stats.sound.packets >= before.packets + 200);
        const { sound, microphone, heldPictures, frames, stagesMs } = await reportOf(client);
        expect([sound.state, sound.deviceLost, microphone.state]).toEqual(["playing", 0, "off"]);
        expect(sound.lipSync.measured).toBeGreaterThan(10);
        expect(heldPictures).toMatchObject({ early: 0, refused: 0 });
        expect(heldPictures.held).toBeGreaterThan(frames.delivered / 3);
        expect(stagesMs.held?.p99).toBeLessThan(300);
        apartMs = sound.lipSync.offsetMs?.p50 ?? Number.NaN;
      }
      expect(apartMs).toBeLessThan(20);
      await tone.kill();
      expect(await host.child.interrupt()).toBe(0);
    },
    slow,
  );
});

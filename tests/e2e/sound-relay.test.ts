/** Sound by way of a relay, into a file, to a plugin of ALSA's, and where there is none. */
import { afterAll, expect, test } from "bun:test";
import { join } from "node:path";
import { Home, reportOf, startHeadless, startPatternHost, temporaryFolder } from "./harness.ts";
import { cleanUp, eventually, processorSeconds } from "./processes.ts";
import { hasPulse, isExact, leftOf, listen, Pulse, type Tone, urgently } from "./pulse.ts";

const slow = 60_000;
const hasAlsaPlugin = new Bun.Glob("/usr/lib/*/alsa-lib/libasound_module_pcm_pulse.so").scanSync("/").next().value;

afterAll(cleanUp);

test(
  "a relay carries the sound as well, and a client writes it into a file",
  async () => {
    const [relaying, hosting, viewing] = [new Home({}, urgently), new Home({}, urgently), new Home({}, urgently)];
    await hosting.approve(viewing);
    const relay = relaying.start(["relay", "--listen", "127.0.0.1:0"]);
    const [, origin = ""] = await relay.until(/publish to +(ws:\/\/127\.0\.0\.1:\d+)\//);
    const tone = ["--sound", "tone", "--sound-device", "700", "--sound-frame", "10"];
    const host = await startPatternHost(hosting, ...tone, "--relay", `${origin}/desk`);
    await host.child.until(/published at/);
    await host.until("nobody listening", ({ sound }) => sound.state === "idle");
    const folder = temporaryFolder();
    const file = ["--json", "-", "--sound", "file", "--sound-delay", "500ms", "--sound-device"];
    const into = (name: string) => [...file, join(folder, name)];
    const clients = [
      startHeadless(viewing, host.place, ...into("direct.raw")),
      viewing.start([
        "client",
        "--relay",
        `${origin}/desk`,
        "--output",
        "headless",
        ...into("relayed.raw"),
        "--volume",
        "80",
      ]),
    ];
    await host.until("both listening", ({ sound }) => sound.listeners === 2);
    const { sound } = await host.stats();
    await host.until("two seconds", (stats) => stats.sound.packets >= sound.packets + 200);
    for (const client of clients) expect((await reportOf(client)).sound).toMatchObject({ state: "playing", lost: 0 });
    const [direct, relayed] = ["direct.raw", "relayed.raw"].map((name) => {
      const heard = leftOf(join(folder, name));
      // Before the first packet there is silence, and at the end it fades.
      const begin = heard.findIndex((sample) => Math.abs(sample) > 1000) + 4800;
      return listen(heard.subarray(begin, begin + 48_000), 700);
    }) as [Tone, Tone];
    for (const heard of [direct, relayed]) expect(heard).toSatisfy((tone) => isExact(tone, 700));
    // Loudness goes by the cube of the volume.
    expect(relayed.loudness / direct.loudness).toBeCloseTo(0.8 ** 3, 1);
    expect(await host.child.interrupt()).toBe(0);
  },
  slow,
);

// Without ALSA's plugin for PulseAudio: install the Debian packages pulseaudio and libasound2-plugins.
test.skipIf(!hasPulse || !hasAlsaPlugin)(
  "ALSA plays on what its plugins make a device of, exactly, and does not spin there",
  async () => {
    const pulse = new Pulse(["ear"]);
    await pulse.start();
    const [hosting, viewing] = [new Home({}, urgently), new Home(pulse.env, urgently)];
    await hosting.approve(viewing);
    const host = await startPatternHost(hosting, "--sound", "tone", "--sound-device", "700");
    const sound = ["--sound", "alsa", "--sound-device", "pulse", "--sound-delay", "500ms"];
    const client = startHeadless(viewing, host.place, "--json", "-", ...sound);
    let last: Tone | undefined;
    await eventually("an exact tone", async () => {
      last = listen(await pulse.record("ear.monitor", 1.5), 700);
      return isExact(last, 700);
    }).catch((cause) => {
      throw new Error(JSON.stringify(last), { cause });
    });
    const [before, begin] = [processorSeconds(client.pid), performance.now()];
    await Bun.sleep(1000);
    const share = (processorSeconds(client.pid) - before) / ((performance.now() - begin) / 1000);
    expect(share).toBeLessThan(0.5);
    expect((await reportOf(client)).sound).toMatchObject({ state: "playing", deviceLost: 0 });
    expect(await host.child.interrupt()).toBe(0);
  },
  slow,
);

test(
  "where there is no sound device a host and a client do without, unless one was asked for by name",
  async () => {
    const nowhere = { PULSE_SERVER: "unix:/nowhere", XDG_RUNTIME_DIR: temporaryFolder() };
    const [hosting, viewing] = [new Home(nowhere), new Home(nowhere)];
    await hosting.approve(viewing);
    const named = ["host", "--capture", "pattern", "--listen", "127.0.0.1:0", "--dashboard", "off", "--sound", "pulse"];
    const refused = hosting.start(named);
    expect(await refused.ended()).toBe(69);
    expect(refused.err).toMatch(/^patchbay: .*PulseAudio/m);
    const host = await startPatternHost(hosting);
    expect((await host.stats()).sound.state).toBe("unavailable");
    expect(host.child.err).toContain("no sound: ");
    const client = startHeadless(viewing, host.place, "--sound", "pulse");
    expect(await client.ended()).toBe(69);
    expect(client.err).toMatch(/^patchbay: .*PulseAudio/m);
    expect(await host.child.interrupt()).toBe(0);
  },
  slow,
);

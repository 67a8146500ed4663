// lab: modules="vkms" gpu="bochs virtio"
/** DRM capture against three drivers of the kernel: what another program paints arrives pixel by pixel, whatever it does. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { chmodSync, chownSync, readdirSync, readFileSync, realpathSync, writeFileSync } from "node:fs";
import { basename } from "node:path";
import { FrameBuffer } from "../../ffi/shmem.ts";
import { executable } from "../e2e/harness.ts";
import { Child, cleanUp } from "../e2e/processes.ts";
import {
  addCursor,
  addRectangle,
  cardOf,
  difference,
  numberOf,
  Painter,
  painted,
  pixelsOf,
  untilShown,
} from "./drm-painter.ts";

afterAll(cleanUp);

const [width, height] = [320, 240];
const name = "drm-test";
const usual = `mode ${width} ${height} XR24`;

const publish = (card: string, ...prefix: string[]): Child =>
  new Child([...prefix, executable, "shm", "publish", name, "--capture", "drm", "--display", card]);

const descriptors = (pid: number): number => readdirSync(`/proc/${pid}/fd`).length;

describe.each([
  { driver: "vkms", formats: ["XR24", "RG16"], cursor: true },
  { driver: "virtio", formats: ["XR24"], cursor: true },
  { driver: "bochs", formats: ["XR24", "BX24"], cursor: false },
])("$driver", ({ driver, formats, cursor }) => {
  let card = "";
  let painter: Painter;
  let capture: Child;
  let before = 0;

  beforeAll(async () => {
    card = cardOf(driver);
    painter = await Painter.open(card);
    await painter.tell(`${usual} 1`);
    capture = publish(card);
    await capture.until(/drm 320x240/);
    await untilShown(name, width, painted(width, height, 1), "the first picture");
    before = descriptors(capture.pid);
  });
  afterAll(async () => {
    expect(await capture.interrupt()).toBe(0);
    await painter.close();
  });

  test("every format, changes of a few rows, other sizes and parts, off and on again", async () => {
    for (const [i, format] of formats.entries()) {
      await painter.tell(`mode ${width} ${height} ${format} ${10 + i}`);
      await untilShown(name, width, painted(width, height, 10 + i, format), `picture ${10 + i} in ${format}`);
    }
    await painter.tell(`${usual} 20`);
    const changed = painted(width, height, 20);
    for (const place of [
      [3, 0, 5, 1],
      [311, 239, 9, 1],
      [100, 50, 1, 60],
    ] as const) {
      await painter.tell(`rectangle ${place.join(" ")}`);
      addRectangle(changed, width, place);
      await untilShown(name, width, changed, `a rectangle at ${place}`);
    }
    await painter.tell("mode 400 300 XR24 30");
    await untilShown(name, 400, painted(400, 300, 30), "a larger screen");
    await painter.tell(`${usual} 40 60 64 32 512 300`);
    await untilShown(name, width, painted(width, height, 40, "XR24", 64, 32), "a part of a framebuffer");
    await painter.tell("off");
    await painter.tell(`${usual} 50`);
    await untilShown(name, width, painted(width, height, 50), "the screen that was off");
  });

  test("while another program flips, every picture is one that it painted", async () => {
    const [first, count] = [60, 40];
    const opened = FrameBuffer.open(name);
    if (!opened.ok) throw new Error(opened.message);
    const frames = opened.value;
    const picture = new Uint8Array(frames.frameBytes);
    const seen = new Set<number>();
    let done = false;
    const flips = painter.tell(`flips ${first} ${count} 5`).finally(() => (done = true));
    while (!done) {
      if (frames.readFrame(picture) === "new") {
        const n = numberOf(picture);
        expect([n, difference(picture, painted(width, height, n), width)]).toEqual([n, ""]);
        seen.add(n);
      }
      await Bun.sleep(1);
    }
    frames.close();
    await flips;
    await untilShown(name, width, painted(width, height, first + count - 1), "the last of them");
    expect(seen.size).toBeGreaterThan(5);
  });

  if (cursor)
    test("the cursor is drawn where it is, cut at the edges, and goes", async () => {
      await painter.tell(`${usual} 1`);
      for (const [x, y] of [
        [100, 80],
        [-20, -30],
        [width - 10, height - 5],
        [0, 0],
      ] as const) {
        await painter.tell(`cursor 64 ${x} ${y}`);
        const wanted = painted(width, height, 1);
        addCursor(wanted, width, 64, x, y);
        await untilShown(name, width, wanted, `a cursor at ${x},${y}`);
      }
      await painter.tell("flip 2");
      const wanted = painted(width, height, 2);
      addCursor(wanted, width, 64, 0, 0);
      await untilShown(name, width, wanted, "a cursor over another picture");
      await painter.tell("nocursor");
      await untilShown(name, width, painted(width, height, 2), "no cursor");
    });

  if (driver === "vkms")
    test("the executable writes what is painted into a file, exactly", async () => {
      await painter.tell("flip 3");
      await untilShown(name, width, painted(width, height, 3), "picture 3");
      const file = "/tmp/drm.png";
      expect(await new Child([executable, "shm", "watch", name, "--png", file]).ended()).toBe(0);
      expect(difference(pixelsOf(readFileSync(file)), painted(width, height, 3), width)).toBe("");
    });

  test("a compositor becomes master of the card although it is captured, and another program after it", async () => {
    await painter.close();
    painter = await Painter.open(card);
    await painter.tell(`${usual} 70`);
    await untilShown(name, width, painted(width, height, 70), "what the next program paints");
    await painter.tell("drop");
    await painter.tell("master");
  });

  // The kernel's own console is on the card that was there first.
  if (driver === "bochs")
    test("a switch to another virtual terminal shows its console, and the way back the compositor again", async () => {
      const console_ = "/sys/class/graphics/fb0";
      expect(readFileSync("/proc/fb", "utf8")).toMatch(/^0 bochs/);
      // A compositor whose terminal is taken away ceases to be master.
      await painter.tell("drop");
      expect(await new Child(["chvt", "2"]).ended()).toBe(0);
      // Without its cursor, which blinks.
      writeFileSync("/dev/tty2", "\x1b[?25l\x1b[2J\x1b[Hthe second terminal\n");
      const [wide = 0, high = 0] = readFileSync(`${console_}/virtual_size`, "utf8").split(",").map(Number);
      const stride = Number(readFileSync(`${console_}/stride`, "utf8"));
      const wanted = new Uint8Array(wide * high * 4);
      const shown = readFileSync("/dev/fb0");
      for (let y = 0, at = 0; y < high; y++)
        for (let x = 0; x < wide; x++, at += 4) {
          const from = y * stride + x * 4;
          wanted.set([shown[from + 2] ?? 0, shown[from + 1] ?? 0, shown[from] ?? 0, 255], at);
        }
      expect(wanted.some((value, i) => value > 0 && i % 4 < 3)).toBe(true);
      await untilShown(name, wide, wanted, "the second terminal");
      expect(await new Child(["chvt", "1"]).ended()).toBe(0);
      await painter.tell("master");
      await painter.tell(`${usual} 72`);
      await untilShown(name, width, painted(width, height, 72), "the compositor's screen");
    });

  test("no descriptor stays open but those of buffers shown last", () => {
    expect(descriptors(capture.pid)).toBeLessThanOrEqual(before + 5);
  });
});

describe("rights", () => {
  let card = "";
  let painter: Painter;
  beforeAll(async () => {
    card = cardOf("vkms");
    painter = await Painter.open(card);
    await painter.tell(`${usual} 1`);
  });
  afterAll(() => painter.close());

  test("without CAP_SYS_ADMIN it says the line that gives it", async () => {
    const refused = publish(card, "setpriv", "--bounding-set", "-sys_admin");
    expect(await refused.ended()).not.toBe(0);
    expect(refused.err).toContain(`sudo setcap cap_sys_admin+ep ${realpathSync(executable)}`);
    const other = publish(card, "setpriv", "--reuid", "1000", "--clear-groups");
    expect(await other.ended()).not.toBe(0);
    expect(other.err).toContain("sudo usermod -aG video $USER");
  });

  test("with it, and the card's group, no root is needed", async () => {
    chownSync(card, 0, 44);
    chmodSync(card, 0o660);
    const may = [
      "--reuid",
      "1000",
      "--regid",
      "1000",
      "--groups",
      "44",
      "--inh-caps",
      "+sys_admin",
      "--ambient-caps",
      "+sys_admin",
    ];
    const capture = publish(card, "setpriv", ...may);
    await capture.until(/drm 320x240/);
    expect(await capture.interrupt()).toBe(0);
  });
});

test("what is no card, shows nothing or is an X display is named", async () => {
  for (const [target, reason] of [
    [":0", "names no screen of a DRM card"],
    ["card9", "/dev/dri/card9 cannot be opened: No such file or directory"],
    [`${basename(cardOf("vkms"))}:HDMI-A-7`, "HDMI-A-7 shows nothing now, or does not exist"],
  ] as const) {
    const refused = publish(target);
    expect(await refused.ended()).not.toBe(0);
    expect(refused.err).toContain(reason);
  }
});

/** Last, since the cards do not come back as they were. */
test.each(["virtio", "bochs"])("a %s card that goes away ends the capture and says so", async (driver) => {
  const card = cardOf(driver);
  const device = realpathSync(`/sys/class/drm/${basename(card)}/device`);
  const painter = await Painter.open(card);
  await painter.tell(`${usual} 1`);
  const capture = publish(card);
  await capture.until(/drm 320x240/);
  await untilShown(name, width, painted(width, height, 1), "the first picture");
  writeFileSync(`${device}/driver/unbind`, basename(device));
  expect(await capture.ended()).not.toBe(0);
  expect(capture.err).toContain("went away");
  await painter.close();
});

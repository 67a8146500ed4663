/** The native side's lines about cameras, read as they are written, and lines that no version of it writes. */
import { describe, expect, test } from "bun:test";
import { readDetails, readList } from "./camera-lines.ts";

describe("a list", () => {
  test("ties nodes, entities, pads and links together", () => {
    const { devices, media, closed } = readList(
      [
        `device\t/dev/video0\tuvcvideo\tWebcam\tusb-1\tSN1\t${0x0420_0001}\tWebcam: Webcam\t0`,
        `device\t/dev/video1\tuvcvideo\tWebcam\tusb-1\tSN1\t${0x04a0_0000}\tWebcam: Webcam\t1`,
        "closed\t/dev/video2\tcamera /dev/video2: open: Permission denied",
        "media\t/dev/media0\tuvcvideo\tWebcam\tusb-1\tSN1",
        "entity\t1\tWebcam\t65537\t1",
        "entity\t8\tProcessing 2\t16384\t0",
        "interface\t50\t/dev/video0\t512",
        "pad\t2\t1\t0\t1",
        "pad\t9\t8\t0\t2",
        "link\t60\t50\t1\t268435457",
        "link\t61\t9\t2\t3",
        "link\t62\t7777\t8888\t0",
        "media\t/dev/media1\tvivid\tvivid\tplatform\t",
        "entity\t1\tOther\t1\t0",
      ].join("\n"),
    );
    expect(devices.map(({ path, isCamera, serial }) => [path, isCamera, serial])).toEqual([
      ["/dev/video0", true, "SN1"],
      ["/dev/video1", false, "SN1"],
    ]);
    expect(closed).toEqual([{ path: "/dev/video2", reason: "camera /dev/video2: open: Permission denied" }]);
    expect(media[0]?.entities[0]).toMatchObject({ name: "Webcam", nodes: ["/dev/video0"], pads: [{ index: 0 }] });
    expect(media[0]?.links).toEqual([
      { source: "Processing 2:0", sink: "Webcam:0", flags: 3 },
      { source: "7777", sink: "8888", flags: 0 },
    ]);
    expect(media[1]?.entities.map((one) => one.name)).toEqual(["Other"]);
  });

  test("may be empty, or speak of what is not known", () => {
    expect(readList("")).toEqual({ devices: [], media: [], closed: [] });
    expect(readList("something\tnew\nentity\t1\tlost\t1\t0\n")).toEqual({ devices: [], media: [], closed: [] });
  });
});

describe("details", () => {
  test("keep ranges, 64-bit numbers, gaps and texts", () => {
    const { inputs, formats, controls } = readDetails(
      [
        "device\t/dev/video0\tvivid\tvivid\tplatform\t\t1\t\t0",
        "input\t0\tWebcam 0\t2\t0\t1\t0",
        "format\tYUYV\tYUYV 4:2:2\t0\traw",
        "size\tdiscrete\t640\t480",
        "rate\tdiscrete\t1\t30",
        "rate\tdiscrete\t1\t15",
        "format\tQQQQ\tUnknown\t1\tno",
        "size\tstepwise\t16\t1920\t2\t16\t1080\t4",
        "rate\tcontinuous\t1\t60\t1\t5\t1\t1",
        "control\t1\tlong\tLong\tinteger64\t5\t-9223372036854775808\t9223372036854775807\t1\t0\t-9007199254740993\t",
        "control\t2\tmenu\tMenu\tmenu\t18\t0\t3\t0\t0\t3\t",
        "item\t0\tOff",
        "item\t3\tOn",
        "control\t3\ttext\tText\tstring\t0\t0\t9\t1\t0\ta b\t",
        "control\t4\tarea\tArea\tcompound\t0\t0\t0\t0\t0\t\t2,3",
      ].join("\n"),
    );
    expect(inputs).toEqual([{ index: 0, name: "Webcam 0", type: 2, status: 0, selected: true }]);
    expect(formats.map(({ fourcc, use }) => [fourcc, use])).toEqual([
      ["YUYV", "raw"],
      ["QQQQ", "no"],
    ]);
    expect(formats[0]?.sizes[0]?.intervals.map(({ least }) => least)).toEqual([
      [1, 30],
      [1, 15],
    ]);
    expect(formats[1]?.sizes[0]).toMatchObject({
      kind: "stepwise",
      minWidth: 16,
      width: 1920,
      stepWidth: 2,
      height: 1080,
    });
    expect(formats[1]?.sizes[0]?.intervals[0]).toMatchObject({ kind: "continuous", least: [1, 60], most: [1, 5] });
    expect(controls[0]).toMatchObject({
      value: -9007199254740993n,
      maximum: 2n ** 63n - 1n,
      disabled: true,
      readOnly: true,
    });
    expect(controls[1]).toMatchObject({
      grabbed: true,
      inactive: true,
      items: [{ index: 0 }, { index: 3, text: "On" }],
    });
    expect(controls.slice(2).map(({ value, dimensions }) => [value, dimensions])).toEqual([
      ["a b", []],
      [undefined, [2, 3]],
    ]);
  });
});

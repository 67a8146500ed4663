/** `patchbay camera`: shows cameras and what they offer, sets controls, takes a picture. Devices are reached only through ffi/. */
import { writeFileSync } from "node:fs";
import {
  type Camera,
  type CameraFrame,
  describeCamera,
  listCameras,
  openCamera,
  setCameraControl,
} from "../../ffi/camera.ts";
import type {
  CameraControl,
  CameraDetails,
  FrameInterval,
  FrameSize,
  MediaController,
} from "../../ffi/camera-lines.ts";
import { createLog } from "../base/log.ts";
import { fail, ok, type Result } from "../base/result.ts";
import { untilEnd } from "./host.ts";
import type { Lifecycle } from "./lifecycle.ts";
import { printJson, printLine } from "./output.ts";
import type { Parsed } from "./parse.ts";

const log = createLog("camera");

type Flags = Parsed<"camera">["flags"];

export async function run({ flags, positionals }: Parsed<"camera">, lifecycle: Lifecycle): Promise<Result<void>> {
  const { action = "list", device, controls } = positionals;
  if (action === "list")
    return device === undefined ? list(flags) : fail("usage", "patchbay camera list takes no device.");
  if (device === undefined)
    return fail("usage", `patchbay camera ${action} needs a device; patchbay camera list shows them.`);
  if (action === "set") return set(device, controls, flags);
  if (controls.length > 0)
    return fail("usage", `patchbay camera ${action} does not know what to do with "${controls[0]}".`);
  if (action === "info") return info(device, flags);
  return shot(device, flags, lifecycle);
}

/** 64-bit numbers that JSON readers would round are text. */
const printable = (value: unknown): unknown =>
  JSON.parse(
    JSON.stringify(value, (_, one: unknown) => {
      if (typeof one !== "bigint") return one;
      return Number.isSafeInteger(Number(one)) ? Number(one) : String(one);
    }),
  );

function list(flags: Flags): Result<void> {
  const found = listCameras();
  if (flags.json) {
    printJson(found);
    return ok(undefined);
  }
  const { devices, media, closed } = found;
  if (devices.length + media.length + closed.length === 0) log.info("there is no camera");
  for (const { path, name, bus, driver, isCamera } of devices)
    printLine(`${path}  ${name} (${driver}, ${bus})${isCamera ? "" : ", gives no pictures"}`);
  for (const { reason } of closed) log.warn(reason);
  for (const controller of media) printMedia(controller);
  return ok(undefined);
}

function printMedia({ path, model, bus, entities, links }: MediaController): void {
  printLine(`${path}  ${model} (${bus})`);
  for (const { name, nodes } of entities) printLine(`  ${name}${nodes.length ? `  ${nodes.join(" ")}` : ""}`);
  for (const { source, sink, flags } of links) printLine(`  ${source} -> ${sink}${flags & 1 ? "" : " (off)"}`);
}

function info(device: string, flags: Flags): Result<void> {
  const found = describeCamera(device);
  if (!found.ok) return fail(found.code, `${found.message}.`);
  if (flags.json) printJson(printable(found.value));
  else printDetails(found.value);
  return ok(undefined);
}

const rate = ([numerator, denominator]: readonly [number, number]): string =>
  String(Math.round((denominator / numerator) * 100) / 100);

const rateText = ({ kind, least, most }: FrameInterval): string =>
  kind === "discrete" ? rate(least) : `${rate(most)}-${rate(least)}`;

function sizeText(size: FrameSize): string {
  const range = size.kind === "discrete" ? "" : `${size.minWidth}x${size.minHeight} to `;
  const steps = size.kind === "stepwise" ? ` in steps of ${size.stepWidth}x${size.stepHeight}` : "";
  const rates = size.intervals.length ? ` at ${size.intervals.map(rateText).join(", ")} fps` : "";
  return `${range}${size.width}x${size.height}${steps}${rates}`;
}

function controlText(control: CameraControl): string {
  const { type, value, minimum, maximum, step, dimensions } = control;
  const marks = (["disabled", "grabbed", "readOnly", "inactive"] as const).filter((mark) => control[mark]);
  const range =
    type === "integer" || type === "integer64"
      ? ` ${minimum} to ${maximum}${step > 1n ? ` by ${step}` : ""}, default ${control.default}`
      : type === "string"
        ? ` of ${minimum} to ${maximum} bytes`
        : type === "compound"
          ? ` [${dimensions.join(",")}]`
          : type === "button" || type === "bitmask"
            ? ""
            : `, default ${control.default}`;
  const now = value === undefined ? "" : ` = ${value}`;
  return `${control.key}${now}  (${type}${range}${marks.length ? `; ${marks.join(", ")}` : ""})`;
}

function printDetails({ device, inputs, formats, controls }: CameraDetails): void {
  printLine(`${device.path}  ${device.name} (${device.driver}, ${device.bus})`);
  for (const { index, name, selected } of inputs) printLine(`input ${index}: ${name}${selected ? " (selected)" : ""}`);
  for (const { fourcc, description, use, sizes } of formats) {
    printLine(`${fourcc}: ${description}${use === "no" ? " (cannot be converted)" : ""}`);
    for (const size of sizes) printLine(`  ${sizeText(size)}`);
  }
  for (const control of controls) {
    if (control.type === "class") printLine(control.name);
    else printLine(`  ${controlText(control)}`);
    for (const { index, text } of control.items) printLine(`    ${index}: ${text}`);
  }
}

function set(device: string, controls: readonly string[], flags: Flags): Result<void> {
  if (controls.length === 0)
    return fail("usage", `patchbay camera set needs CONTROL=VALUE; patchbay camera info ${device} shows the controls.`);
  // Nothing is changed while one of them is wrong.
  for (const control of controls) {
    const checked = setCameraControl(device, control, true);
    if (!checked.ok) return fail(checked.code, `${checked.message}.`);
  }
  const made: string[] = [];
  for (const control of controls) {
    const done = setCameraControl(device, control);
    if (!done.ok) return fail(done.code, `${done.message}.`);
    made.push(done.value);
    if (!flags.json) printLine(done.value);
  }
  if (flags.json)
    printJson(Object.fromEntries(made.map((text) => text.split(/=(.*)/s)).map(([key, value]) => [key, value])));
  return ok(undefined);
}

interface Shot {
  readonly width: number;
  readonly height: number;
  readonly pixels: Uint8Array;
  readonly format: string;
  readonly bytes: number;
}

/** The first frame that can be decoded. What is broken before it is counted. */
function firstPicture(camera: Camera, frame: CameraFrame): Shot | undefined {
  const { format, data } = frame;
  const decoded = camera.decode();
  if (decoded.ok) return { ...decoded.value, format, bytes: data.length };
  log.debug(decoded.message);
  return undefined;
}

async function shot(device: string, flags: Flags, lifecycle: Lifecycle): Promise<Result<void>> {
  const { png, size } = flags;
  if (png === undefined) return fail("usage", "patchbay camera shot needs --png FILE.");
  const taken = Promise.withResolvers<Result<void>>();
  let picture: Shot | undefined;
  let camera: Camera | undefined;
  const look = () => {
    camera?.rearm();
    for (let frame = camera?.take(); camera && frame && !picture; frame = camera.take()) {
      if (frame.lost) taken.resolve(fail("unavailable", `${camera.describe()}.`));
      else picture = firstPicture(camera, frame);
    }
    if (picture) taken.resolve(ok(undefined));
  };
  const settings = { target: device, width: size?.width ?? 0, height: size?.height ?? 0, fps: flags.fps };
  const opened = openCamera(settings, look);
  if (!opened.ok) return fail(opened.code, `${opened.message}.`);
  camera = opened.value;
  lifecycle.defer("the camera", () => opened.value.close());
  look();
  const ended = await untilEnd(taken.promise, lifecycle, flags.seconds);
  const what = camera.describe();
  camera.close();
  if (!ended.ok) return ended;
  if (!picture) {
    const { flagged, undecodable } = camera.stats();
    return fail(
      "unavailable",
      `No whole picture came within ${flags.seconds} s, ${flagged + undecodable} broken ones did (${what}); --seconds waits longer.`,
    );
  }
  return write(png, picture, camera, what, flags);
}

async function write(png: string, picture: Shot, camera: Camera, what: string, flags: Flags): Promise<Result<void>> {
  const { encodePng } = await import("./png.ts");
  const bytes = await encodePng(picture);
  try {
    writeFileSync(png, bytes);
  } catch (cause) {
    return fail(
      "cannot-create",
      `The picture cannot be written to ${png}: ${cause instanceof Error ? cause.message : cause}.`,
    );
  }
  log.info(what);
  const { width, height, format, bytes: frameBytes } = picture;
  if (flags.json) printJson({ width, height, format, frameBytes, ...camera.stats() });
  return ok(undefined);
}

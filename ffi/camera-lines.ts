/**
 * The lines in which the native side tells of cameras (c/camera/v4l2_list.c, v4l2_formats.c, v4l2_controls.c), read into
 * objects. Fields are parted by tabs; a line that belongs to the one above it follows it. Unknown lines are passed over.
 */

/** Of V4L2: the bits of a node's `caps`. */
export const cameraCaps = {
  videoCapture: 0x1,
  videoOutput: 0x2,
  memoryToMemory: 0x8000,
  captureMultiplanar: 0x1000,
  outputMultiplanar: 0x2000,
  metaCapture: 0x80_0000,
  streaming: 0x400_0000,
} as const;

export interface CameraNode {
  readonly path: string;
  readonly driver: string;
  /** As the device calls itself. */
  readonly name: string;
  readonly bus: string;
  /** Of the USB device; "" for none. */
  readonly serial: string;
  /** V4L2_CAP_* of this node. */
  readonly caps: number;
  /** As sysfs calls the node. */
  readonly node: string;
  /** Of the node among those of its device; "" when not known. */
  readonly index: string;
  /** It gives pictures: what the other commands and `--capture camera` can use. */
  readonly isCamera: boolean;
}

export interface MediaEntity {
  readonly id: number;
  readonly name: string;
  /** MEDIA_ENT_F_*. */
  readonly function: number;
  readonly flags: number;
  readonly pads: MediaPad[];
  /** Device nodes that stand for it. */
  readonly nodes: string[];
}

export interface MediaPad {
  readonly id: number;
  readonly index: number;
  /** Bit 0 sink, bit 1 source. */
  readonly flags: number;
}

/** From pad to pad; those from a node to its entity are told in the entity's `nodes`. */
export interface MediaLink {
  readonly source: string;
  readonly sink: string;
  /** Bit 0 enabled, bit 1 immutable. */
  readonly flags: number;
}

export interface MediaController {
  readonly path: string;
  readonly driver: string;
  readonly model: string;
  readonly bus: string;
  readonly serial: string;
  readonly entities: MediaEntity[];
  readonly links: MediaLink[];
}

export interface CameraList {
  readonly devices: CameraNode[];
  readonly media: MediaController[];
  /** Nodes that cannot be opened, with the reason. */
  readonly closed: { readonly path: string; readonly reason: string }[];
}

/** Seconds from frame to frame as a fraction. */
export interface FrameInterval {
  readonly kind: "discrete" | "stepwise" | "continuous";
  readonly least: readonly [number, number];
  /** As `least` for discrete ones. */
  readonly most: readonly [number, number];
  readonly step?: readonly [number, number];
}

export interface FrameSize {
  readonly kind: "discrete" | "stepwise" | "continuous";
  /** The largest one for ranges. */
  readonly width: number;
  readonly height: number;
  readonly minWidth?: number;
  readonly minHeight?: number;
  readonly stepWidth?: number;
  readonly stepHeight?: number;
  /** At the size above. */
  readonly intervals: FrameInterval[];
}

export interface CameraFormat {
  readonly fourcc: string;
  readonly description: string;
  /** V4L2_FMT_FLAG_*. */
  readonly flags: number;
  /** How Patchbay takes it; no: it cannot. */
  readonly use: "raw" | "jpeg" | "no";
  readonly sizes: FrameSize[];
}

export type ControlType =
  | "integer"
  | "boolean"
  | "menu"
  | "button"
  | "integer64"
  | "class"
  | "string"
  | "bitmask"
  | "integer-menu"
  | "compound";

export interface CameraControl {
  readonly id: number;
  /** What `camera set` calls it. */
  readonly key: string;
  readonly name: string;
  readonly type: ControlType;
  /** V4L2_CTRL_FLAG_*. */
  readonly flags: number;
  readonly disabled: boolean;
  readonly grabbed: boolean;
  readonly readOnly: boolean;
  readonly inactive: boolean;
  readonly minimum: bigint;
  readonly maximum: bigint;
  readonly step: bigint;
  readonly default: bigint;
  /** Undefined when it has none or tells none. */
  readonly value: bigint | string | undefined;
  /** Of a compound one: its array's size. */
  readonly dimensions: readonly number[];
  readonly items: { readonly index: number; readonly text: string }[];
}

export interface CameraInput {
  readonly index: number;
  readonly name: string;
  /** V4L2_INPUT_TYPE_*: 1 tuner, 2 camera. */
  readonly type: number;
  /** V4L2_IN_ST_*: 0 for all well. */
  readonly status: number;
  readonly selected: boolean;
}

export interface CameraDetails {
  readonly device: CameraNode;
  readonly inputs: CameraInput[];
  readonly formats: CameraFormat[];
  readonly controls: CameraControl[];
}

type Fields = readonly string[];

const linesOf = (text: string): Fields[] =>
  text
    .split("\n")
    .filter(Boolean)
    .map((line) => line.split("\t"));

const number = (fields: Fields, at: number): number => Number(fields[at] ?? 0);
const words = (fields: Fields, at: number): string => fields[at] ?? "";

function nodeOf(f: Fields): CameraNode {
  const caps = number(f, 6);
  const gives = (caps & (cameraCaps.videoCapture | cameraCaps.captureMultiplanar)) !== 0;
  return {
    path: words(f, 1),
    driver: words(f, 2),
    name: words(f, 3),
    bus: words(f, 4),
    serial: words(f, 5),
    caps,
    node: words(f, 7),
    index: words(f, 8),
    isCamera: gives && (caps & cameraCaps.streaming) !== 0,
  };
}

export function readList(text: string): CameraList {
  const list: CameraList = { devices: [], media: [], closed: [] };
  const blocks: Fields[][] = [];
  for (const line of linesOf(text)) {
    if (line[0] === "device") list.devices.push(nodeOf(line));
    else if (line[0] === "closed") list.closed.push({ path: words(line, 1), reason: words(line, 2) });
    else if (line[0] === "media") blocks.push([line]);
    else blocks.at(-1)?.push(line);
  }
  list.media.push(...blocks.map(readMedia));
  return list;
}

function readMedia(lines: Fields[]): MediaController {
  const [head = []] = lines;
  const entities = new Map<number, MediaEntity>();
  const padNames = new Map<number, string>();
  const nodes = new Map<number, string>();
  const links: MediaLink[] = [];
  for (const f of lines) {
    const id = number(f, 1);
    if (f[0] === "entity")
      entities.set(id, { id, name: words(f, 2), function: number(f, 3), flags: number(f, 4), pads: [], nodes: [] });
    if (f[0] === "interface") nodes.set(id, words(f, 2));
    if (f[0] === "pad") {
      const owner = entities.get(number(f, 2));
      owner?.pads.push({ id, index: number(f, 3), flags: number(f, 4) });
      padNames.set(id, `${owner?.name ?? "?"}:${number(f, 3)}`);
    }
    if (f[0] !== "link") continue;
    const [source, sink] = [number(f, 2), number(f, 3)];
    const node = nodes.get(source);
    if (node !== undefined) entities.get(sink)?.nodes.push(node);
    else
      links.push({
        source: padNames.get(source) ?? `${source}`,
        sink: padNames.get(sink) ?? `${sink}`,
        flags: number(f, 4),
      });
  }
  return {
    path: words(head, 1),
    driver: words(head, 2),
    model: words(head, 3),
    bus: words(head, 4),
    serial: words(head, 5),
    entities: [...entities.values()],
    links,
  };
}

const kindOf = (text: string): FrameSize["kind"] => (text === "discrete" || text === "stepwise" ? text : "continuous");

function sizeOf(f: Fields): FrameSize {
  if (f[1] === "discrete") return { kind: "discrete", width: number(f, 2), height: number(f, 3), intervals: [] };
  return {
    kind: kindOf(words(f, 1)),
    minWidth: number(f, 2),
    width: number(f, 3),
    stepWidth: number(f, 4),
    minHeight: number(f, 5),
    height: number(f, 6),
    stepHeight: number(f, 7),
    intervals: [],
  };
}

function intervalOf(f: Fields): FrameInterval {
  const least = [number(f, 2), number(f, 3)] as const;
  if (f[1] === "discrete") return { kind: "discrete", least, most: least };
  return {
    kind: kindOf(words(f, 1)),
    least,
    most: [number(f, 4), number(f, 5)],
    step: [number(f, 6), number(f, 7)],
  };
}

function controlOf(f: Fields): CameraControl {
  const flags = number(f, 5);
  const type = words(f, 4) as ControlType;
  const value = words(f, 10);
  return {
    id: number(f, 1),
    key: words(f, 2),
    name: words(f, 3),
    type,
    flags,
    disabled: (flags & 0x1) !== 0,
    grabbed: (flags & 0x2) !== 0,
    readOnly: (flags & 0x4) !== 0,
    inactive: (flags & 0x10) !== 0,
    minimum: BigInt(words(f, 6)),
    maximum: BigInt(words(f, 7)),
    step: BigInt(words(f, 8)),
    default: BigInt(words(f, 9)),
    value: type === "string" ? value : value === "" ? undefined : BigInt(value),
    dimensions: words(f, 11).split(",").filter(Boolean).map(Number),
    items: [],
  };
}

export function readDetails(text: string): CameraDetails {
  const lines = linesOf(text);
  const details: CameraDetails = {
    device: nodeOf(lines.find(([kind]) => kind === "device") ?? []),
    inputs: [],
    formats: [],
    controls: [],
  };
  for (const f of lines) {
    const format = details.formats.at(-1);
    if (f[0] === "input")
      details.inputs.push({
        index: number(f, 1),
        name: words(f, 2),
        type: number(f, 3),
        status: number(f, 4),
        selected: f[5] === "1",
      });
    if (f[0] === "format") {
      const use = f[4] === "raw" || f[4] === "jpeg" ? f[4] : "no";
      details.formats.push({ fourcc: words(f, 1), description: words(f, 2), flags: number(f, 3), use, sizes: [] });
    }
    if (f[0] === "size") format?.sizes.push(sizeOf(f));
    if (f[0] === "rate") format?.sizes.at(-1)?.intervals.push(intervalOf(f));
    if (f[0] === "control") details.controls.push(controlOf(f));
    if (f[0] === "item") details.controls.at(-1)?.items.push({ index: number(f, 1), text: words(f, 2) });
  }
  return details;
}

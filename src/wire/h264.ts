/**
 * The little that players and publishers must know of an H.264 access unit in Annex B form (ISO/IEC 14496-10 annex B): its
 * parameter set's codec string for WebCodecs (RFC 6381) and whether it is a keyframe. It decodes no picture.
 */
const nal = { slice: 1, idr: 5, sps: 7 } as const;

/** Offset of the NAL unit header behind the next start code at or after `from`; -1 when there is none. */
function nextUnit(bytes: Uint8Array, from: number): number {
  for (let at = bytes.indexOf(1, from + 2); at >= 0; at = bytes.indexOf(1, at + 1))
    if (bytes[at - 1] === 0 && bytes[at - 2] === 0 && at + 1 < bytes.length) return at + 1;
  return -1;
}

function findUnit(bytes: Uint8Array, type: number): number {
  for (let at = nextUnit(bytes, 0); at >= 0; at = nextUnit(bytes, at))
    if (((bytes[at] as number) & 0x1f) === type) return at;
  return -1;
}

/** `avc1.PPCCLL` from the access unit's sequence parameter set; undefined when it holds none (only keyframes do). */
export function h264CodecString(accessUnit: Uint8Array): string | undefined {
  const at = findUnit(accessUnit, nal.sps);
  if (at < 0 || at + 4 > accessUnit.length) return undefined;
  const hex = (byte: number | undefined) => (byte ?? 0).toString(16).padStart(2, "0").toUpperCase();
  return `avc1.${hex(accessUnit[at + 1])}${hex(accessUnit[at + 2])}${hex(accessUnit[at + 3])}`;
}

/** Whether the access unit's picture is an IDR one, so that a decoder can begin with it. */
export function isH264Keyframe(accessUnit: Uint8Array): boolean {
  for (let at = nextUnit(accessUnit, 0); at >= 0; at = nextUnit(accessUnit, at)) {
    const type = (accessUnit[at] as number) & 0x1f;
    if (type >= nal.slice && type <= nal.idr) return type === nal.idr;
  }
  return false;
}

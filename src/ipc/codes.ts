/** What can go wrong with a channel, by the names and numbers of the C interface (xShm, section 9). */
export const channelCode = {
  success: 0,
  "invalid-param": -1,
  memory: -2,
  timeout: -3,
  empty: -4,
  exists: -5,
  "not-found": -6,
  access: -7,
  "not-ready": -8,
  protocol: -9,
  full: -10,
  "no-slot": -11,
} as const;

export type ChannelCode = keyof typeof channelCode;

const sentences: Record<ChannelCode, string> = {
  success: "nothing is wrong",
  "invalid-param":
    'a name has 1 to 197 bytes without slash, backslash, control character, ".." or leading dot; a message has 2 to 65535 bytes',
  memory: "the message is larger than the room for it",
  timeout: "the other side did not answer in time",
  empty: "there is no message",
  exists: "a living program serves or holds this channel already",
  "not-found": "nobody is connected: start the other side first",
  access: "the operating system refused: look at the rights and the room of /dev/shm",
  "not-ready": "the sender was faster than every attempt to read",
  protocol: "the other side is no channel of this version, or it broke the ring",
  full: "the ring is full and nothing may be overwritten",
  "no-slot": "every slot of this channel has a client",
};

/** Thrown by nothing that sends or receives; promises of waiting reject with it, handlers get it. */
export class ChannelError extends Error {
  readonly code: ChannelCode;
  /** The same as the C interface's code. */
  readonly number: number;

  constructor(number: number) {
    const code = codeOf(number);
    super(sentences[code]);
    this.name = "ChannelError";
    this.code = code;
    this.number = number;
  }
}

const byNumber = new Map(
  (Object.entries(channelCode) as [ChannelCode, number][]).map(([code, number]) => [number, code]),
);

/** The name of a code of the C interface; what is none counts as `access`. */
export function codeOf(number: number): ChannelCode {
  return byNumber.get(number) ?? "access";
}

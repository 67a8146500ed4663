/**
 * One ITKP message of each type at least, and those that are refused, made from the tables of README.md without Patchbay's code:
 * fields by hand, each a row, with their checksums by zlib. The layout of the header is the one of itk-protocol, section 1.1; the payloads' encoding
 * is Patchbay's own (src/wire/itkp-layouts.ts). They feed the tests of both languages and seed the fuzzer.
 */
import type { ItkpError, ItkpName } from "../../src/wire/itkp.ts";

const hex = (...rows: string[]): Uint8Array<ArrayBuffer> => Uint8Array.fromHex(rows.join("").replaceAll(" ", ""));

export interface ItkpCase {
  readonly title: string;
  readonly name: ItkpName;
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly payload: object;
}

export const itkpCases: readonly ItkpCase[] = [
  {
    title: "Ping",
    name: "Ping",
    bytes: hex(
      "49 54 4b 50 02 00 00 00", // "ITKP", version 2
      "00 00 00 00", // type 0
      "00 00 00 00", // 0 bytes
      "00 00 00 00", // checksum
    ),
    payload: {},
  },
  {
    title: "Pong",
    name: "Pong",
    bytes: hex(
      "49 54 4b 50 02 00 00 00", // "ITKP", version 2
      "01 00 00 00", // type 1
      "00 00 00 00", // 0 bytes
      "00 00 00 00", // checksum
    ),
    payload: {},
  },
  {
    title: "ScreenRect",
    name: "ScreenRect",
    bytes: hex(
      "49 54 4b 50 02 00 00 00", // "ITKP", version 2
      "0a 00 00 00", // type 10
      "19 00 00 00", // 25 bytes
      "12 72 79 7d", // checksum
      "50 42 4b 01", // encoding 1
      "00 00 c0 3f", // x 1.5
      "00 00 00 c0", // y -2
      "00 00 a0 43", // width 320
      "00 40 48 43", // height 200.25
      "00 00 00 3f", // rotation 0.5
      "01", // visible
    ),
    payload: { x: 1.5, y: -2, width: 320, height: 200.25, rotation: 0.5, visible: true },
  },
  {
    title: "WindowState",
    name: "WindowState",
    bytes: hex(
      "49 54 4b 50 02 00 00 00", // "ITKP", version 2
      "0b 00 00 00", // type 11
      "1b 00 00 00", // 27 bytes
      "c4 2e 73 b9", // checksum
      "50 42 4b 01", // encoding 1
      "ff ff ff ff", // x -1
      "20 00 00 00", // y 32
      "80 07 00 00", // width 1920
      "38 04 00 00", // height 1080
      "00 00 a0 3f", // DPI scale 1.25
      "00", // not full screen
      "01", // borderless
      "01", // focused
    ),
    payload: {
      x: -1,
      y: 32,
      width: 1920,
      height: 1080,
      dpiScale: 1.25,
      isFullscreen: false,
      isBorderless: true,
      isFocused: true,
    },
  },
  {
    title: "OverlayUpdate",
    name: "OverlayUpdate",
    bytes: hex(
      "49 54 4b 50 02 00 00 00", // "ITKP", version 2
      "0c 00 00 00", // type 12
      "38 00 00 00", // 56 bytes
      "14 40 d9 48", // checksum
      "50 42 4b 01", // encoding 1
      "00 00 c0 3f", // x 1.5
      "00 00 00 c0", // y -2
      "00 00 a0 43", // width 320
      "00 40 48 43", // height 200.25
      "00 00 00 3f", // rotation 0.5
      "01", // visible
      "ff ff ff ff", // x -1
      "20 00 00 00", // y 32
      "80 07 00 00", // width 1920
      "38 04 00 00", // height 1080
      "00 00 a0 3f", // DPI scale 1.25
      "00", // not full screen
      "01", // borderless
      "01", // focused
      "55 44 33 22 11 00 00 00", // timestamp 0x1122334455 ms
    ),
    payload: {
      rect: { x: 1.5, y: -2, width: 320, height: 200.25, rotation: 0.5, visible: true },
      window: {
        x: -1,
        y: 32,
        width: 1920,
        height: 1080,
        dpiScale: 1.25,
        isFullscreen: false,
        isBorderless: true,
        isFocused: true,
      },
      timestampMs: 0x1122334455,
    },
  },
  {
    title: "StateSnapshot",
    name: "StateSnapshot",
    bytes: hex(
      "49 54 4b 50 02 00 00 00", // "ITKP", version 2
      "14 00 00 00", // type 20
      "1d 00 00 00", // 29 bytes
      "2e a8 3a cd", // checksum
      "50 42 4b 01", // encoding 1
      "03 00 6e 6d 73", // app "nms"
      "07 00 00 00 00 00 00 00", // timestamp 7 ms
      "08 00 00 00 7b 22 68 70 22 3a 39 7d", // data, 8 bytes
    ),
    payload: { appId: "nms", timestampMs: 7, data: '{"hp":9}' },
  },
  {
    title: "StateEvent",
    name: "StateEvent",
    bytes: hex(
      "49 54 4b 50 02 00 00 00", // "ITKP", version 2
      "15 00 00 00", // type 21
      "1b 00 00 00", // 27 bytes
      "0b e5 cd 31", // checksum
      "50 42 4b 01", // encoding 1
      "03 00 6e 6d 73", // app "nms"
      "04 00 77 61 72 70", // event "warp"
      "ff ff ff ff ff ff 1f 00", // timestamp, the largest
      "00 00 00 00", // no data
    ),
    payload: { appId: "nms", eventType: "warp", timestampMs: Number.MAX_SAFE_INTEGER, data: "" },
  },
  {
    title: "StateQuery",
    name: "StateQuery",
    bytes: hex(
      "49 54 4b 50 02 00 00 00", // "ITKP", version 2
      "16 00 00 00", // type 22
      "11 00 00 00", // 17 bytes
      "78 fb 45 f2", // checksum
      "50 42 4b 01", // encoding 1
      "02 00 c3 a9", // app "é", 2 bytes
      "01 00 71", // query "q"
      "02 00 00 00 5b 5d", // params
    ),
    payload: { appId: "é", queryType: "q", params: "[]" },
  },
  {
    title: "StateResponse, a success",
    name: "StateResponse",
    bytes: hex(
      "49 54 4b 50 02 00 00 00", // "ITKP", version 2
      "17 00 00 00", // type 23
      "0d 00 00 00", // 13 bytes
      "f7 28 76 4e", // checksum
      "50 42 4b 01", // encoding 1
      "01", // success
      "01 02 00 00 00 7b 7d", // data
      "00", // no error
    ),
    payload: { success: true, data: "{}" },
  },
  {
    title: "StateResponse, a failure",
    name: "StateResponse",
    bytes: hex(
      "49 54 4b 50 02 00 00 00", // "ITKP", version 2
      "17 00 00 00", // type 23
      "0b 00 00 00", // 11 bytes
      "ca fd 01 a8", // checksum
      "50 42 4b 01", // encoding 1
      "00", // failure
      "00", // no data
      "01 02 00 6e 6f", // error "no"
    ),
    payload: { success: false, error: "no" },
  },
  {
    title: "SyncState",
    name: "SyncState",
    bytes: hex(
      "49 54 4b 50 02 00 00 00", // "ITKP", version 2
      "1e 00 00 00", // type 30
      "23 00 00 00", // 35 bytes
      "b6 da 80 99", // checksum
      "50 42 4b 01", // encoding 1
      "04 00 66 69 6c 6d", // content
      "48 ee 00 00 00 00 00 00", // position 61000 ms
      "00 68 e5 cf 8b 01 00 00", // wall clock 1700000000000 ms
      "01", // playing
      "52 b8 1e 85 eb 51 f0 3f", // rate 1.02
    ),
    payload: {
      contentId: "film",
      positionAtRefMs: 61000,
      refWallclockMs: 1700000000000,
      isPlaying: true,
      playbackRate: 1.02,
    },
  },
  {
    title: "ClockPing",
    name: "ClockPing",
    bytes: hex(
      "49 54 4b 50 02 00 00 00", // "ITKP", version 2
      "1f 00 00 00", // type 31
      "0c 00 00 00", // 12 bytes
      "85 b8 ec 40", // checksum
      "50 42 4b 01", // encoding 1
      "05 04 03 02 01 00 00 00", // sender 0x0102030405 ms
    ),
    payload: { senderTimeMs: 0x0102030405 },
  },
  {
    title: "ClockPong",
    name: "ClockPong",
    bytes: hex(
      "49 54 4b 50 02 00 00 00", // "ITKP", version 2
      "20 00 00 00", // type 32
      "14 00 00 00", // 20 bytes
      "c6 24 e6 cf", // checksum
      "50 42 4b 01", // encoding 1
      "01 00 00 00 00 00 00 00", // sender 1 ms
      "02 00 00 00 00 00 00 00", // receiver 2 ms
    ),
    payload: { senderTimeMs: 1, receiverTimeMs: 2 },
  },
  {
    title: "VideoLoad",
    name: "VideoLoad",
    bytes: hex(
      "49 54 4b 50 02 00 00 00", // "ITKP", version 2
      "28 00 00 00", // type 40
      "1e 00 00 00", // 30 bytes
      "f5 c0 d2 fe", // checksum
      "50 42 4b 01", // encoding 1
      "0d 00 00 00 66 69 6c 65 3a 2f 2f 2f 61 2e 6d 6b 76", // source, 13 bytes
      "88 13 00 00 00 00 00 00", // start 5000 ms
      "01", // autoplay
    ),
    payload: { source: "file:///a.mkv", startPositionMs: 5000, autoplay: true },
  },
  {
    title: "VideoPlay, from where it stands",
    name: "VideoPlay",
    bytes: hex(
      "49 54 4b 50 02 00 00 00", // "ITKP", version 2
      "29 00 00 00", // type 41
      "05 00 00 00", // 5 bytes
      "00 fb f8 aa", // checksum
      "50 42 4b 01", // encoding 1
      "00", // no position
    ),
    payload: {},
  },
  {
    title: "VideoPlay, from a position",
    name: "VideoPlay",
    bytes: hex(
      "49 54 4b 50 02 00 00 00", // "ITKP", version 2
      "29 00 00 00", // type 41
      "0d 00 00 00", // 13 bytes
      "e7 c5 d8 df", // checksum
      "50 42 4b 01", // encoding 1
      "01 2c 01 00 00 00 00 00 00", // position 300 ms
    ),
    payload: { fromPositionMs: 300 },
  },
  {
    title: "VideoPause",
    name: "VideoPause",
    bytes: hex(
      "49 54 4b 50 02 00 00 00", // "ITKP", version 2
      "2a 00 00 00", // type 42
      "00 00 00 00", // 0 bytes
      "00 00 00 00", // checksum
    ),
    payload: {},
  },
  {
    title: "VideoSeek",
    name: "VideoSeek",
    bytes: hex(
      "49 54 4b 50 02 00 00 00", // "ITKP", version 2
      "2b 00 00 00", // type 43
      "0c 00 00 00", // 12 bytes
      "53 2a ea 89", // checksum
      "50 42 4b 01", // encoding 1
      "90 5f 01 00 00 00 00 00", // position 90000 ms
    ),
    payload: { positionMs: 90000 },
  },
  {
    title: "VideoState",
    name: "VideoState",
    bytes: hex(
      "49 54 4b 50 02 00 00 00", // "ITKP", version 2
      "2c 00 00 00", // type 44
      "25 00 00 00", // 37 bytes
      "1b 46 4a d5", // checksum
      "50 42 4b 01", // encoding 1
      "01 00 63", // content
      "0a 00 00 00 00 00 00 00", // position 10 ms
      "00 00 00 00 00 00 00 00", // duration unknown
      "01", // playing
      "00", // not buffering
      "00 00 00 00 00 00 e0 3f", // rate 0.5
      "00 00 40 3f", // volume 0.75
    ),
    payload: {
      contentId: "c",
      positionMs: 10,
      durationMs: 0,
      isPlaying: true,
      isBuffering: false,
      playbackRate: 0.5,
      volume: 0.75,
    },
  },
  {
    title: "VideoMetadata",
    name: "VideoMetadata",
    bytes: hex(
      "49 54 4b 50 02 00 00 00", // "ITKP", version 2
      "2d 00 00 00", // type 45
      "27 00 00 00", // 39 bytes
      "37 4b ea 27", // checksum
      "50 42 4b 01", // encoding 1
      "01 00 63", // content
      "00 05 00 00", // width 1280
      "d0 02 00 00", // height 720
      "60 ea 00 00 00 00 00 00", // duration 60000 ms
      "00 00 bc 41", // 23.5 pictures a second
      "04 00 68 32 36 34", // codec
      "00", // not live
      "01 02 00 ce a3", // title "Σ", 2 bytes
    ),
    payload: {
      contentId: "c",
      width: 1280,
      height: 720,
      durationMs: 60000,
      fps: 23.5,
      codec: "h264",
      isLive: false,
      title: "Σ",
    },
  },
  {
    title: "VideoError",
    name: "VideoError",
    bytes: hex(
      "49 54 4b 50 02 00 00 00", // "ITKP", version 2
      "2e 00 00 00", // type 46
      "0c 00 00 00", // 12 bytes
      "77 5b 14 34", // checksum
      "50 42 4b 01", // encoding 1
      "08 00 00 00", // code 8
      "01 00 78", // message
      "00", // not recoverable
    ),
    payload: { code: 8, message: "x", isRecoverable: false },
  },
  {
    title: "Error",
    name: "Error",
    bytes: hex(
      "49 54 4b 50 02 00 00 00", // "ITKP", version 2
      "ff 00 00 00", // type 255
      "0a 00 00 00", // 10 bytes
      "55 6d ed c3", // checksum
      "50 42 4b 01", // encoding 1
      "94 01 00 00", // code 404
      "00 00", // no message
    ),
    payload: { code: 404, message: "" },
  },
];

/** What `decode` refuses, with the whole error. */
export const itkpRefusals: readonly {
  readonly title: string;
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly error: ItkpError;
}[] = [
  {
    title: "no bytes",
    bytes: hex(),
    error: { name: "IncompleteHeader", need: 20, have: 0 },
  },
  {
    title: "a header one byte short",
    bytes: hex("49 54 4b 50 02 00 00 00", "00 00 00 00", "00 00 00 00", "00 00 00"),
    error: { name: "IncompleteHeader", need: 20, have: 19 },
  },
  {
    title: "another magic",
    bytes: hex("49 54 4b 44 02 00 00 00", "00 00 00 00", "00 00 00 00", "00 00 00 00"),
    error: { name: "InvalidMagic", expected: 0x504b5449, got: 0x444b5449 },
  },
  {
    title: "version 1",
    bytes: hex("49 54 4b 50 01 00 00 00", "00 00 00 00", "00 00 00 00", "00 00 00 00"),
    error: { name: "UnsupportedVersion", expected: 2, got: 1 },
  },
  {
    title: "an unknown type, before its size is looked at",
    bytes: hex("49 54 4b 50 02 00 00 00", "02 00 00 00", "ff ff ff ff", "00 00 00 00"),
    error: { name: "UnknownMessageType", got: 2 },
  },
  {
    title: "a size over the limit",
    bytes: hex("49 54 4b 50 02 00 00 00", "00 00 00 00", "01 00 10 00", "00 00 00 00"),
    error: { name: "PayloadTooLarge", expected: 1048576, got: 1048577 },
  },
  {
    title: "the largest size there is",
    bytes: hex("49 54 4b 50 02 00 00 00", "00 00 00 00", "ff ff ff ff", "00 00 00 00"),
    error: { name: "PayloadTooLarge", expected: 1048576, got: 0xffffffff },
  },
  {
    title: "a payload one byte short",
    bytes: hex(
      "49 54 4b 50 02 00 00 00",
      "1f 00 00 00",
      "0c 00 00 00",
      "c7 d4 01 74",
      "50 42 4b 01 01 00 00 00 00 00 00",
    ),
    error: { name: "IncompletePayload", need: 32, have: 31 },
  },
  {
    title: "a wrong checksum",
    bytes: hex(
      "49 54 4b 50 02 00 00 00",
      "1f 00 00 00",
      "0c 00 00 00",
      "05 00 00 00",
      "50 42 4b 01 01 00 00 00 00 00 00 00",
    ),
    error: { name: "CrcMismatch", expected: 5, got: 0x7401d4c7 },
  },
  {
    title: "a payload without an encoding",
    bytes: hex("49 54 4b 50 02 00 00 00", "1f 00 00 00", "00 00 00 00", "00 00 00 00"),
    error: { name: "Serialization", field: "encoding", reason: "is cut short" },
  },
  {
    title: "a payload of another encoding",
    bytes: hex(
      "49 54 4b 50 02 00 00 00",
      "1f 00 00 00",
      "10 00 00 00",
      "b9 dd f6 00",
      "01 00 00 00 00 00 00 00 02 00 00 00 00 00 00 00",
    ),
    error: { name: "Serialization", field: "encoding", reason: "is not Patchbay's encoding" },
  },
  {
    title: "a later encoding",
    bytes: hex(
      "49 54 4b 50 02 00 00 00",
      "1f 00 00 00",
      "0c 00 00 00",
      "02 e8 8c 4d",
      "50 42 4b 02 01 00 00 00 00 00 00 00",
    ),
    error: { name: "Serialization", field: "encoding", reason: "is an encoding of another version" },
  },
  {
    title: "a Ping with a payload of another encoding",
    bytes: hex("49 54 4b 50 02 00 00 00", "00 00 00 00", "04 00 00 00", "11 cd 82 ed", "61 62 63 64"),
    error: { name: "Serialization", field: "encoding", reason: "is not Patchbay's encoding" },
  },
  {
    title: "a number cut short",
    bytes: hex(
      "49 54 4b 50 02 00 00 00",
      "1f 00 00 00",
      "0b 00 00 00",
      "a5 2d 6c bf",
      "50 42 4b 01 01 00 00 00 00 00 00",
    ),
    error: { name: "Serialization", field: "senderTimeMs", reason: "is cut short" },
  },
  {
    title: "a number above 2^53 - 1",
    bytes: hex(
      "49 54 4b 50 02 00 00 00",
      "1f 00 00 00",
      "0c 00 00 00",
      "fb f0 2f 2d",
      "50 42 4b 01 00 00 00 00 00 00 20 00",
    ),
    error: { name: "Serialization", field: "senderTimeMs", reason: "is above 2^53 - 1" },
  },
  {
    title: "a bool of 2",
    bytes: hex(
      "49 54 4b 50 02 00 00 00",
      "0a 00 00 00",
      "19 00 00 00",
      "a8 23 70 e4",
      "50 42 4b 01 00 00 c0 3f 00 00 00 c0 00 00 a0 43 00 40 48 43 00 00 00 3f 02",
    ),
    error: { name: "Serialization", field: "visible", reason: "is neither 0 nor 1" },
  },
  {
    title: "an option of 2",
    bytes: hex(
      "49 54 4b 50 02 00 00 00",
      "29 00 00 00",
      "0d 00 00 00",
      "11 85 51 22",
      "50 42 4b 01 02 01 00 00 00 00 00 00 00",
    ),
    error: { name: "Serialization", field: "fromPositionMs", reason: "is neither 0 nor 1" },
  },
  {
    title: "an option without its value",
    bytes: hex("49 54 4b 50 02 00 00 00", "29 00 00 00", "05 00 00 00", "96 cb ff dd", "50 42 4b 01 01"),
    error: { name: "Serialization", field: "fromPositionMs", reason: "is cut short" },
  },
  {
    title: "a string longer than what is there",
    bytes: hex(
      "49 54 4b 50 02 00 00 00",
      "ff 00 00 00",
      "0c 00 00 00",
      "bb 21 ee b9",
      "50 42 4b 01 01 00 00 00 03 00 61 62",
    ),
    error: { name: "Serialization", field: "message", reason: "is cut short" },
  },
  {
    title: "data longer than memory",
    bytes: hex(
      "49 54 4b 50 02 00 00 00",
      "14 00 00 00",
      "13 00 00 00",
      "6e 51 3f 52",
      "50 42 4b 01 01 00 61 01 00 00 00 00 00 00 00 ff ff ff ff",
    ),
    error: { name: "Serialization", field: "data", reason: "is cut short" },
  },
  {
    title: "a string that is no UTF-8",
    bytes: hex(
      "49 54 4b 50 02 00 00 00",
      "ff 00 00 00",
      "0b 00 00 00",
      "1f a8 ac 93",
      "50 42 4b 01 01 00 00 00 01 00 ff",
    ),
    error: { name: "Serialization", field: "message", reason: "is not UTF-8" },
  },
  {
    title: "a slash written in two bytes",
    bytes: hex(
      "49 54 4b 50 02 00 00 00",
      "ff 00 00 00",
      "0c 00 00 00",
      "7b 75 9b 53",
      "50 42 4b 01 01 00 00 00 02 00 c0 af",
    ),
    error: { name: "Serialization", field: "message", reason: "is not UTF-8" },
  },
  {
    title: "half a surrogate pair",
    bytes: hex(
      "49 54 4b 50 02 00 00 00",
      "ff 00 00 00",
      "0d 00 00 00",
      "a0 bf 53 72",
      "50 42 4b 01 01 00 00 00 03 00 ed a0 80",
    ),
    error: { name: "Serialization", field: "message", reason: "is not UTF-8" },
  },
  {
    title: "a structure cut short inside another",
    bytes: hex(
      "49 54 4b 50 02 00 00 00",
      "0c 00 00 00",
      "23 00 00 00",
      "f7 76 1a 9e",
      "50 42 4b 01 00 00 c0 3f 00 00 00 c0 00 00 a0 43 00 40 48 43 00 00 00 3f 01 ff ff ff ff 20 00 00 00 80 07",
    ),
    error: { name: "Serialization", field: "window.width", reason: "is cut short" },
  },
  {
    title: "NaN",
    bytes: hex(
      "49 54 4b 50 02 00 00 00",
      "0a 00 00 00",
      "19 00 00 00",
      "72 02 f4 c7",
      "50 42 4b 01 00 00 c0 7f 00 00 00 c0 00 00 a0 43 00 40 48 43 00 00 00 3f 01",
    ),
    error: { name: "ValidationFailed", field: "x", reason: "is not a finite number" },
  },
  {
    title: "infinity in a structure inside another",
    bytes: hex(
      "49 54 4b 50 02 00 00 00",
      "0c 00 00 00",
      "38 00 00 00",
      "cc 1c b4 df",
      "50 42 4b 01 00 00 c0 3f 00 00 00 c0 00 00 a0 43 00 40 48 43 00 00 80 7f 01 ff ff ff ff 20 00 00 00 80 07 00 00 38 04 00 00 00 00 a0 3f 00 01 01 01 00 00 00 00 00 00 00",
    ),
    error: { name: "ValidationFailed", field: "rect.rotation", reason: "is not a finite number" },
  },
  {
    title: "a DPI scale below 0.1",
    bytes: hex(
      "49 54 4b 50 02 00 00 00",
      "0b 00 00 00",
      "1b 00 00 00",
      "33 57 2f 22",
      "50 42 4b 01 ff ff ff ff 20 00 00 00 80 07 00 00 38 04 00 00 cc cc cc 3d 00 01 01",
    ),
    error: { name: "ValidationFailed", field: "dpiScale", reason: "is below its range" },
  },
  {
    title: "a DPI scale above 10",
    bytes: hex(
      "49 54 4b 50 02 00 00 00",
      "0b 00 00 00",
      "1b 00 00 00",
      "4d 42 02 25",
      "50 42 4b 01 ff ff ff ff 20 00 00 00 80 07 00 00 38 04 00 00 01 00 20 41 00 01 01",
    ),
    error: { name: "ValidationFailed", field: "dpiScale", reason: "is above its range" },
  },
  {
    title: "a playback rate of 0",
    bytes: hex(
      "49 54 4b 50 02 00 00 00",
      "1e 00 00 00",
      "20 00 00 00",
      "8d f5 4b e9",
      "50 42 4b 01 01 00 63 01 00 00 00 00 00 00 00 01 00 00 00 00 00 00 00 01 00 00 00 00 00 00 00 00",
    ),
    error: { name: "ValidationFailed", field: "playbackRate", reason: "is below its range" },
  },
  {
    title: "a volume above 1",
    bytes: hex(
      "49 54 4b 50 02 00 00 00",
      "2c 00 00 00",
      "25 00 00 00",
      "12 83 e0 86",
      "50 42 4b 01 01 00 63 01 00 00 00 00 00 00 00 01 00 00 00 00 00 00 00 01 00 00 00 00 00 00 00 f0 3f 00 00 c0 3f",
    ),
    error: { name: "ValidationFailed", field: "volume", reason: "is above its range" },
  },
];

import { expect, test } from "bun:test";
import { feature } from "../wire/root.ts";
import { decodes } from "./words.ts";

test("every client decodes H.264, and HEVC if it says so", () => {
  const says = (remoteFeatures: number) => ({ remoteName: "laptop", remoteFeatures });
  expect(decodes(says(0), "h264")).toBe(true);
  expect(decodes(says(0), "hevc")).toBe(false);
  expect(decodes(says(~feature.hevc >>> 0), "hevc")).toBe(false);
  expect(decodes(says(feature.hevc | 64), "hevc")).toBe(true);
});

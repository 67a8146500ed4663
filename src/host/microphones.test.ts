import { expect, test } from "bun:test";
import { microphoneName } from "./microphones.ts";

test("a device's name becomes one that sound servers take, whatever it is", () => {
  expect(microphoneName("laptop")).toBe("patchbay_laptop");
  expect(microphoneName("Jürgen's PC")).toBe("patchbay_Ju_rgen_s_PC");
  expect(microphoneName("a b\n; rm -rf")).toBe("patchbay_a_b_rm_-rf");
  expect(microphoneName("名前")).toBe("patchbay_client");
  expect(microphoneName("x".repeat(200)).length).toBe(49);
});

import { describe, expect, test } from "bun:test";
import { enums } from "../../ffi/abi.ts";
import { classify, frameBytes } from "../wire/ds.ts";
import { deliveryOf, forwardingRules } from "./forwarding.ts";

describe("forwarding rules", () => {
  test("say for every type, flags and first byte of the payload what the core says", () => {
    const rules = forwardingRules();
    const message = new Uint8Array(frameBytes + 1);
    const wrong: number[][] = [];
    for (let type = 0; type < 256; type++)
      for (let flags = 0; flags < 256; flags++)
        for (let first = 0; first < 256; first++) {
          message[frameBytes] = first;
          const rule = rules[type * 256 + flags] as number;
          const how = rule === enums.ws_rule.look ? rules[65536 + first] : rule;
          if (how !== deliveryOf(classify(type, flags, message), type)) wrong.push([type, flags, first]);
        }
    expect(wrong).toEqual([]);
  });

  test("are as long as the native server reads", () => {
    expect(forwardingRules().length).toBe(65536 + 256);
  });
});

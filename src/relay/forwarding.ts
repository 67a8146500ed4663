/**
 * How a source's message goes to its channel's receivers, by what it is: said for one message, and for all possible ones as a table,
 * by which a transport may hand messages on ahead of the core (transport.ts, `forward`). Pure. ds-stream sections 9 and 19.
 */
import { classify, type FrameClass, frameBytes, frameType } from "../wire/ds.ts";
import { type Delivery, delivery } from "./transport.ts";

/** A rule that is no delivery: the byte after the header tells. */
const look = 254;
const pairs = 2 ** 16;

export function deliveryOf(kind: FrameClass, type: number): Delivery {
  switch (kind) {
    case "keyframe":
      return delivery.keyframe;
    case "delta":
      return delivery.droppable;
    case "state-diff":
    case "state-sync":
    case "schema":
      return delivery.state;
    default:
      return type === frameType.streamEnd ? delivery.state : delivery.loose;
  }
}

let made: Uint8Array | undefined;

/** A rule for each pair of type and flags (type * 256 + flags), then a delivery for each first byte of the payload. */
export function forwardingRules(): Uint8Array {
  made ??= makeRules();
  return made;
}

function makeRules(): Uint8Array {
  const rules = new Uint8Array(pairs + 256);
  const message = new Uint8Array(frameBytes + 1);
  const deliver = (type: number, flags: number, first: number): Delivery => {
    message[frameBytes] = first;
    return deliveryOf(classify(type, flags, message), type);
  };
  for (let first = 0; first < 256; first++) rules[pairs + first] = deliver(frameType.compressedPixels, 0, first);
  for (let type = 0; type < 256; type++)
    for (let flags = 0; flags < 256; flags++) {
      const isMixed = type === frameType.compressedPixels && deliver(type, flags, 0) === delivery.droppable;
      rules[type * 256 + flags] = isMixed ? look : deliver(type, flags, 0);
    }
  return rules;
}

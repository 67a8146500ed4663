/**
 * Requests as the native server hands them up and heads of answers as it takes them (RFC 9112). The native part has checked
 * every byte of a request; here names and values of an answer are checked, so that none can smuggle a line.
 */
import { STATUS_CODES } from "node:http";
import type { ConnectionId, RelayRequest } from "../src/relay/transport.ts";

const latin1 = new TextDecoder("latin1");

/** `bytes`: the peer's address, the request line and a line `name:value` a field, then the body from `headBytes` on. */
export function readRequest(
  connection: ConnectionId,
  bytes: Uint8Array,
  headBytes: number,
  isUpgrade: boolean,
): RelayRequest {
  const [remote = "", first = "", ...fields] = latin1.decode(bytes.subarray(0, headBytes)).split("\n");
  const [method = "", target = ""] = first.split(" ");
  const headers = new Map<string, string>();
  for (const field of fields) {
    const colon = field.indexOf(":");
    if (colon < 0) continue;
    const name = field.slice(0, colon);
    const value = field.slice(colon + 1);
    const before = headers.get(name);
    headers.set(name, before === undefined ? value : `${before}, ${value}`);
  }
  const body = bytes.slice(headBytes);
  return { connection, method, target, headers, remote, isUpgrade, isSecure: false, body };
}

/** Fields that the native part writes itself. */
const reserved = ["connection", "content-length", "transfer-encoding"];

/** Status line and fields of an answer. Throws for a status, name or value that HTTP does not know. */
export function responseHead(status: number, headers: Readonly<Record<string, string>>): Uint8Array {
  if (!Number.isInteger(status) || status < 200 || status > 599) throw new RangeError(`${status} is no final status`);
  const lines = [`HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ""}\r\n`];
  for (const [name, value] of Object.entries(headers)) {
    if (!/^[!#$%&'*+.^_`|~\w-]+$/.test(name) || !/^[\t\x20-\x7e]*$/.test(value))
      throw new RangeError(`not a field of an answer: ${JSON.stringify(name)}`);
    if (!reserved.includes(name.toLowerCase())) lines.push(`${name}: ${value}\r\n`);
  }
  return new TextEncoder().encode(lines.join(""));
}

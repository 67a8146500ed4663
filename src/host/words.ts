/** What the host's owner is told about clients that come and go. Words only: nothing is decided here. */

import type { VideoCodec } from "../../ffi/interfaces.ts";
import { limits } from "../base/limits.ts";
import { createLog } from "../base/log.ts";
import type { Established } from "../secure/handshake.ts";
import { feature } from "../wire/root.ts";
import type { LeaveReason } from "./core.ts";
import type { Remote, Viewer } from "./viewer.ts";

const log = createLog("host");

const leaveTexts: Record<LeaveReason, string> = {
  left: "left",
  silent: `was silent for ${limits.peerTimeoutUs / 1e6} s and is taken as gone`,
  overflowed: "stopped acknowledging commands and was disconnected",
  replaced: "connected anew; its old connection ended",
  revoked: "was revoked and is disconnected",
  closed: "was disconnected",
};

export function tellOfLeaving({ identity }: Viewer<Remote>, why: LeaveReason, seconds: number): void {
  log.info(`${identity.name} (${identity.fingerprint}) ${leaveTexts[why]} after ${seconds.toFixed(1)} s`);
}

type Met = Pick<Established, "remoteName" | "remoteFeatures">;

/** Every client decodes H.264; what else it does, it said when it shook hands. */
export const decodes = ({ remoteFeatures }: Met, codec: VideoCodec): boolean =>
  codec === "h264" || (remoteFeatures & feature[codec]) !== 0;

/** Its own side ends with a sentence of the same kind. */
export function tellOfCodec({ remoteName }: Met, codec: VideoCodec): void {
  log.warn(`${remoteName} cannot decode ${codec.toUpperCase()} and will see nothing; --codec h264 suits everybody`);
}

/** A client is connected, and may wait to be approved. */
export function tellOfComing({ identity, remote }: Viewer<Remote>, isApproved: boolean): void {
  const { name, fingerprint, words } = identity;
  const from = `${remote.host}:${remote.port}`;
  if (isApproved) {
    log.info(`${name} (${fingerprint}) is connected from ${from}`);
    return;
  }
  log.warn(
    `${name} asks to connect from ${from}.\n` +
      `  fingerprint  ${fingerprint}\n` +
      `  six words    ${words.join(" ")}\n` +
      `  If that device shows the same words:  patchbay peers approve ${fingerprint}`,
  );
}

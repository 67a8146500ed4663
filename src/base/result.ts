/** Expected failure as a value. A programmer's error throws; what a peer, disk, device or person does wrong returns a Failure. */
import type { ErrorCode } from "./errors.ts";

export interface Failure {
  readonly ok: false;
  /** Key into the error table, which knows the exit status and the log level. */
  readonly code: ErrorCode;
  /** What happened and what to do, as one sentence for a person. */
  readonly message: string;
}

export interface Success<T> {
  readonly ok: true;
  readonly value: T;
}

export type Result<T> = Success<T> | Failure;

export function ok<T>(value: T): Success<T> {
  return { ok: true, value };
}

export function fail(code: ErrorCode, message: string): Failure {
  return { ok: false, code, message };
}

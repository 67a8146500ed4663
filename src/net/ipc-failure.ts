/** What can go wrong with a local channel (itk-ipc, section 3), with the exit status that each stands for. */
import type { ErrorCode } from "../base/errors.ts";
import type { Failure, Result, Success } from "../base/result.ts";
import { type ItkpError, itkpErrorText } from "../wire/itkp.ts";

export const ipcErrors = {
  InvalidName: "usage",
  /** Nobody listens, or what is there is no socket. */
  ConnectionFailed: "unavailable",
  /** Another program has the channel. */
  AlreadyListening: "unavailable",
  /** Another user is at the other end, or owns what is in the way. */
  Refused: "refused",
  /** The other side went away between two messages. */
  Closed: "lost-peer",
  /** This side closed it. */
  NotConnected: "lost-peer",
  /** What came, or should be sent, is no message; or the other side went away in the middle of one. */
  Protocol: "protocol",
  TimedOut: "unavailable",
  /** The other side reads too slowly, and what waits for it has reached its limit. */
  QueueFull: "unavailable",
  InputOutput: "input-output",
} as const satisfies Record<string, ErrorCode>;
export type IpcErrorName = keyof typeof ipcErrors;

export interface IpcFailure extends Failure {
  readonly name: IpcErrorName;
  /** Of `Protocol`: what is wrong with the bytes. */
  readonly itkp?: ItkpError;
}
export type IpcResult<T> = Success<T> | IpcFailure;

export function ipcFail(name: IpcErrorName, message: string): IpcFailure {
  return { ok: false, code: ipcErrors[name], name, message };
}

export function protocolFail(before: string, itkp: ItkpError): IpcFailure {
  return { ...ipcFail("Protocol", `${before}${itkpErrorText(itkp)}`), itkp };
}

/** A failure of a part that does not know channels, under a channel's name for it. */
export function ipcResult<T>(name: IpcErrorName, result: Result<T>): IpcResult<T> {
  return result.ok ? result : ipcFail(name, result.message);
}

/** The system's word for an error, such as ENOENT. */
export function systemCode(cause: unknown): string {
  const code = (cause as { readonly code?: unknown } | undefined)?.code;
  return typeof code === "string" ? code : String(cause);
}

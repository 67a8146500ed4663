/** Why ITKP bytes or values are refused (itk-protocol, section 1.6): one case each, with what was expected and what came. */
import type { Reason } from "./itkp-layouts.ts";

export type ItkpError =
  | { readonly name: "InvalidMagic"; readonly expected: number; readonly got: number }
  | { readonly name: "UnsupportedVersion"; readonly expected: number; readonly got: number }
  /** `expected` is the limit. */
  | { readonly name: "PayloadTooLarge"; readonly expected: number; readonly got: number }
  | { readonly name: "CrcMismatch"; readonly expected: number; readonly got: number }
  | { readonly name: "UnknownMessageType"; readonly got: number }
  /** `field` is the field's name, "rect.x" within a structure, or "encoding" for the payload's first bytes. */
  | { readonly name: "Serialization"; readonly field: string; readonly reason: Reason }
  /** Sizes in bytes, of the header, or of header and payload. */
  | { readonly name: "IncompleteHeader"; readonly need: number; readonly have: number }
  | { readonly name: "IncompletePayload"; readonly need: number; readonly have: number }
  | { readonly name: "ValidationFailed"; readonly field: string; readonly reason: Reason };

export type ItkpErrorName = ItkpError["name"];
export type ItkpResult<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly error: ItkpError };

const hex = (value: number): string => `0x${value.toString(16).toUpperCase().padStart(8, "0")}`;

/** One sentence for a person. */
export function itkpErrorText(error: ItkpError): string {
  switch (error.name) {
    case "InvalidMagic":
      return `This is no ITKP message: it begins with ${hex(error.got)}, not ${hex(error.expected)}.`;
    case "UnsupportedVersion":
      return `The message has ITKP version ${error.got}; this program speaks version ${error.expected}.`;
    case "PayloadTooLarge":
      return `The payload has ${error.got} bytes; at most ${error.expected} are allowed.`;
    case "CrcMismatch":
      return `The payload is damaged: its checksum is ${hex(error.got)}, the header says ${hex(error.expected)}.`;
    case "UnknownMessageType":
      return `There is no message type ${error.got}.`;
    case "Serialization":
      return `The payload cannot be read: ${error.field} ${error.reason}.`;
    case "IncompleteHeader":
      return `The header is cut short: ${error.have} of ${error.need} bytes.`;
    case "IncompletePayload":
      return `The message is cut short: ${error.have} of ${error.need} bytes.`;
    case "ValidationFailed":
      return `The payload is not allowed: ${error.field} ${error.reason}.`;
  }
}

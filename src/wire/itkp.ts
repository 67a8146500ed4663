/** ITKP messages for programs on one machine: the parts of the codec that others use. */
export {
  decode,
  decodeHeader,
  decodeUnchecked,
  encode,
  encodeUnchecked,
  type ItkpHeader,
  messageBytes,
  validate,
} from "./itkp-codec.ts";
export { type ItkpError, type ItkpErrorName, type ItkpResult, itkpErrorText } from "./itkp-error.ts";
export {
  dataLimit,
  encodingTag,
  headerBytes,
  type ItkpMessage,
  type ItkpName,
  magic,
  messages,
  type Payload,
  payloadLimit,
  protocolVersion,
  reasons,
  stringLimit,
  videoErrorCode,
} from "./itkp-layouts.ts";

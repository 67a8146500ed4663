/** The vocabulary of the native table (abi.ts): C types of fields, what a function is, and how errors come back. */
export type CType = "uint8_t" | "uint16_t" | "uint32_t" | "int32_t" | "uint64_t" | "double" | "uint8_t[16]";

export interface NativeFunction {
  readonly returns: string;
  readonly args: readonly string[];
}

/** The end of every `*_open`: room for one sentence. */
export const errorArgs = ["char *error", "uint32_t error_size"] as const;

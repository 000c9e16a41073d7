import type * as z from "zod";

import type { JsonObject, JsonValue } from "../../json.ts";
import type { CapabilityReply } from "../../ports/wasm-capabilities.ts";
import type { WasmErrorCode } from "../../wasm-error.ts";

export function result(value: JsonValue): CapabilityReply {
  return { outcome: "result", result: value };
}

export function refused(errorCode: WasmErrorCode, message: string): CapabilityReply {
  return { outcome: "error", errorCode, message };
}

/** Runs an operation with parameters of its schema; other parameters are an INVALID_REQUEST that says where. */
export async function withParams<Params>(
  schema: z.ZodType<Params>,
  params: JsonObject,
  run: (params: Params) => Promise<CapabilityReply>,
): Promise<CapabilityReply> {
  const parsed = schema.safeParse(params);
  if (parsed.success) return run(parsed.data);
  const [issue] = parsed.error.issues;
  return refused("INVALID_REQUEST", `${issue?.path.join(".") ?? "params"}: ${issue?.message ?? "does not fit"}`);
}

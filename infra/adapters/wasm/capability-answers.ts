import * as z from "zod";

import { jsonObject } from "../../../shared/json.ts";
import { GUEST_LIMITS } from "../../../shared/ports/guest-limits.ts";
import type { CapabilityCall, CapabilityReply } from "../../../shared/ports/wasm-capabilities.ts";
import type { WasmErrorCode } from "../../../shared/wasm-error.ts";
import { CALL_STATUS, type CallAnswer } from "./call-channel.ts";

/** What a guest sends is at most this deep: what is to be written as JSON again must not use up the host's stack. */
const MAX_DEPTH = 64;

const callSchema = z.strictObject({
  provider: z.string().max(100),
  operation: z.string().max(100),
  params: jsonObject.default({}),
});

/** The call that a guest's request is; undefined when it is none. */
export function readCall(request: Uint8Array): CapabilityCall | undefined {
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(request);
    return isShallow(text) ? callSchema.parse(JSON.parse(text)) : undefined;
  } catch {
    return undefined;
  }
}

/** What the guest gets: the result's JSON, or a code; an error's message is for its log. */
export function answerOf(reply: CapabilityReply): CallAnswer & { readonly complaint?: string } {
  if (reply.outcome === "error") {
    return { status: STATUSES[reply.errorCode], result: new Uint8Array(), complaint: reply.message };
  }
  const result = Buffer.from(JSON.stringify(reply.result));
  if (result.length <= GUEST_LIMITS.payloadBytes) return { status: result.length, result };
  const complaint = `The result has ${result.length} bytes; ${GUEST_LIMITS.payloadBytes} are allowed.`;
  return { status: CALL_STATUS.RESOURCE_EXHAUSTED, result: new Uint8Array(), complaint };
}

const STATUSES: Readonly<Record<WasmErrorCode, number>> = {
  INVALID_REQUEST: CALL_STATUS.INVALID_REQUEST,
  UNAUTHORIZED: CALL_STATUS.PERMISSION_DENIED,
  PERMISSION_DENIED: CALL_STATUS.PERMISSION_DENIED,
  INSTANCE_NOT_FOUND: CALL_STATUS.NOT_FOUND,
  CAPABILITY_NOT_FOUND: CALL_STATUS.NOT_FOUND,
  RESOURCE_EXHAUSTED: CALL_STATUS.RESOURCE_EXHAUSTED,
  WASM_RUNTIME_ERROR: CALL_STATUS.FAILED,
  CRASH_DETECTED: CALL_STATUS.FAILED,
  RESTART_POLICY_VIOLATION: CALL_STATUS.FAILED,
  TIMEOUT: CALL_STATUS.TIMEOUT,
};

/** Whether no place of a JSON text is deeper than MAX_DEPTH. What stands in strings opens and closes nothing. */
function isShallow(text: string): boolean {
  let depth = 0;
  for (const [bracket] of text.matchAll(/"[^"\\]*(?:\\.[^"\\]*)*"|[[{}\]]/g)) {
    if (bracket.startsWith('"')) continue;
    depth += bracket === "[" || bracket === "{" ? 1 : -1;
    if (depth > MAX_DEPTH) return false;
  }
  return true;
}

import * as z from "zod";

import { idSchemas } from "../../../shared/ids.ts";
import { type JsonObject, jsonObject, jsonValue } from "../../../shared/json.ts";
import { GUEST_LIMITS } from "../../../shared/ports/guest-limits.ts";
import type { CapabilityReply } from "../../../shared/ports/wasm-capabilities.ts";
import {
  type AdmissionOutcome,
  GUEST_FAILURE_REASONS,
  type GuestOutcome,
  MODULE_REFUSAL_REASONS,
} from "../../../shared/ports/wasm-runtime.ts";
import { WASM_ERROR_STATUS, type WasmErrorCode } from "../../../shared/wasm-error.ts";
import { type Frame, FrameFault, type FrameLimits } from "./frames.ts";

/** Where a runner takes calls: one stream each, on which questions and answers go both ways until the outcome ends it. */
export const GUESTS_PATH = "/guests";

/** An answer of a capability is in a header, and JSON in JSON may be twice as long. */
export const FRAME_LIMITS: FrameLimits = {
  headerBytes: 4 * GUEST_LIMITS.payloadBytes,
  bodyBytes: GUEST_LIMITS.moduleBytes,
};

const sha256 = z.string().regex(/^[0-9a-f]{64}$/);
const callNumber = z.int().positive();
const message = z.string().max(10_000);
const errorCode = z.enum(Object.keys(WASM_ERROR_STATUS) as [WasmErrorCode, ...WasmErrorCode[]]);

/** From the control side; the first message of a stream is `call` or `admit`. */
export const toRunner = z.discriminatedUnion("kind", [
  /** The body is the input. */
  z.strictObject({
    kind: z.literal("call"),
    tenant_id: idSchemas.tenant,
    instance_id: idSchemas.instance,
    digest: sha256,
    export: z.string().optional(),
    deadline_ms: z.number().min(1).max(GUEST_LIMITS.deadlineMaxMs),
  }),
  /** The body is a module to be examined. */
  z.strictObject({ kind: z.literal("admit"), tenant_id: idSchemas.tenant }),
  /** The body is the module that was asked for, where there is one. */
  z.strictObject({ kind: z.literal("module"), found: z.boolean() }),
  /** The answer to a capability call. */
  z.strictObject({ kind: z.literal("result"), number: callNumber, result: jsonValue }),
  z.strictObject({ kind: z.literal("error"), number: callNumber, error_code: errorCode, message }),
]);
export type ToRunner = z.infer<typeof toRunner>;

const report = z.strictObject({
  log: z.string().max(4 * GUEST_LIMITS.logBytes),
  log_truncated: z.boolean(),
  run_ms: z.number().nonnegative(),
});

const params: z.ZodType<JsonObject> = jsonObject;

/** From the runner; `returned`, `failed`, `admitted` and `refused` are the last of a stream. */
export const fromRunner = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("need_module") }),
  /** A capability call of the guest. */
  z.strictObject({
    kind: z.literal("ask"),
    number: callNumber,
    provider: z.string().max(100),
    operation: z.string().max(100),
    params,
  }),
  /** The body is the output. */
  z.strictObject({ kind: z.literal("returned"), report }),
  z.strictObject({ kind: z.literal("failed"), reason: z.enum(GUEST_FAILURE_REASONS), message, report }),
  z.strictObject({
    kind: z.literal("admitted"),
    digest: sha256,
    size_bytes: z.int().positive(),
    abi: z.enum(["wasi_command", "reactor"]),
    exports: z.array(z.string()),
  }),
  z.strictObject({
    kind: z.literal("refused"),
    reason: z.enum(MODULE_REFUSAL_REASONS),
    message,
    offset: z.int().nonnegative().optional(),
  }),
]);
export type FromRunner = Readonly<z.infer<typeof fromRunner>>;

/** The message of a frame. Throws a FrameFault for one that does not conform to its schema. */
export function readMessage<Message>(schema: z.ZodType<Message>, { header }: Frame): Message {
  const parsed = schema.safeParse(header);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new FrameFault(`A message does not conform: ${issue?.path.join(".") ?? ""}: ${issue?.message ?? ""}.`);
}

export function answerMessage(number: number, reply: CapabilityReply): ToRunner {
  return reply.outcome === "result"
    ? { kind: "result", number, result: reply.result }
    : { kind: "error", number, error_code: reply.errorCode, message: reply.message.slice(0, 10_000) };
}

export function replyOf(answer: Extract<ToRunner, { readonly kind: "result" | "error" }>): CapabilityReply {
  return answer.kind === "result"
    ? { outcome: "result", result: answer.result }
    : { outcome: "error", errorCode: answer.error_code, message: answer.message };
}

/** The last message of a call; the output is its body. */
export function outcomeMessage(outcome: GuestOutcome): FromRunner {
  const { log, logTruncated, runMs } = outcome.report;
  const told = { log, log_truncated: logTruncated, run_ms: runMs };
  if (outcome.outcome === "returned") return { kind: "returned", report: told };
  const { reason, message: text } = outcome.failure;
  return { kind: "failed", reason, message: text.slice(0, 10_000), report: told };
}

export function outcomeOf(
  end: Extract<FromRunner, { readonly kind: "returned" | "failed" }>,
  output: Uint8Array,
): GuestOutcome {
  const { log, log_truncated, run_ms } = end.report;
  const told = { log, logTruncated: log_truncated, runMs: run_ms };
  return end.kind === "returned"
    ? { outcome: "returned", output, report: told }
    : { outcome: "failed", failure: { reason: end.reason, message: end.message }, report: told };
}

export function admissionMessage(admission: AdmissionOutcome): FromRunner {
  if (admission.outcome === "refused") {
    const { reason, message: text, offset } = admission.refusal;
    return { kind: "refused", reason, message: text.slice(0, 10_000), ...(offset === undefined ? {} : { offset }) };
  }
  const { digest, sizeBytes, abi, exports } = admission.module;
  return { kind: "admitted", digest, size_bytes: sizeBytes, abi, exports: [...exports] };
}

export function admissionOf(end: Extract<FromRunner, { readonly kind: "admitted" | "refused" }>): AdmissionOutcome {
  if (end.kind === "refused")
    return { outcome: "refused", refusal: { reason: end.reason, message: end.message, offset: end.offset } };
  const { digest, size_bytes, abi, exports } = end;
  return { outcome: "admitted", module: { digest, sizeBytes: size_bytes, abi, exports } };
}

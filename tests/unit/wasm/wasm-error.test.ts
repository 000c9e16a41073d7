import { describe, expect, it } from "vitest";

import { RuntimeError } from "../../../shared/errors.ts";
import { FAILURE_CLASSES, failureError, refusalError } from "../../../shared/wasm/guest-failure.ts";
import { WASM_ERROR_STATUS, wasmError, wasmErrorBody, type WasmErrorCode } from "../../../shared/wasm-error.ts";

describe("errors of the Wasm plane", () => {
  it("each code has its status and says itself in the details", () => {
    const codes = Object.keys(WASM_ERROR_STATUS) as WasmErrorCode[];
    expect(codes.map((code) => wasmError(code, "x").status)).toEqual(Object.values(WASM_ERROR_STATUS));
    expect(
      wasmError("INSTANCE_NOT_FOUND", "There is none.", { reason: "gone", details: { instance_id: "i" } }),
    ).toMatchObject({
      code: "wasm.instance_not_found",
      status: 404,
      details: { error_code: "INSTANCE_NOT_FOUND", reason: "gone", instance_id: "i" },
    });
  });

  it("its body on the wire is error_code, message, details and a timestamp", () => {
    const nowMs = Date.UTC(2026, 0, 2);
    expect(wasmErrorBody(wasmError("TIMEOUT", "Too slow."), nowMs)).toEqual({
      error_code: "TIMEOUT",
      message: "Too slow.",
      timestamp: "2026-01-02T00:00:00.000Z",
    });
    expect(wasmErrorBody(wasmError("TIMEOUT", "Too slow.", { reason: "deadline" }), nowMs)).toMatchObject({
      details: { reason: "deadline" },
    });
    expect(wasmErrorBody(new RuntimeError("session.not_found", "x", { status: 404 }), nowMs)).toBeUndefined();
    expect(wasmErrorBody(new Error("x"), nowMs)).toBeUndefined();
  });

  it("only what the guest's own code trapped on is a crash; only what may pass is retryable", () => {
    const reasons = Object.entries(FAILURE_CLASSES);
    expect(reasons.filter(([, { crash }]) => crash).map(([reason]) => reason)).toEqual(["trap", "stack_overflow"]);
    expect(reasons.filter(([, { retryable }]) => retryable).map(([reason]) => reason)).toEqual([
      "worker_lost",
      "queue_full",
      "queue_timeout",
      "closed",
      "node_unreachable",
      "node_lost",
    ]);
    expect(failureError({ reason: "trap", message: "unreachable" })).toMatchObject({
      code: "wasm.crash_detected",
      status: 500,
    });
    expect(failureError({ reason: "deadline", message: "x" })).toMatchObject({ code: "wasm.timeout", status: 504 });
    for (const reason of ["queue_full", "node_unreachable", "node_lost"] as const)
      expect(failureError({ reason, message: "x" })).toMatchObject({ status: 429, retryable: true });
  });

  it("a refused module is the request's fault, and says where", () => {
    expect(refusalError({ reason: "not_wasm", message: "x", offset: 0 })).toMatchObject({
      code: "wasm.invalid_request",
      details: { error_code: "INVALID_REQUEST", reason: "not_wasm", offset: 0 },
    });
    expect(refusalError({ reason: "compile_deadline", message: "x" })).toMatchObject({ status: 504 });
    expect(refusalError({ reason: "queue_full", message: "x" })).toMatchObject({ status: 429, retryable: true });
  });
});

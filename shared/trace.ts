import { type Ids, type TraceId, traceIdOf } from "./ids.ts";

/** Version ff, ids of zeros, and anything behind a header of version 00 are invalid; later versions may say more. */
const TRACEPARENT = /^(?!ff)(?!00-.{53})[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(?:-|$)/;

/** Where a request stands in its trace; `traceId` is the W3C trace id written as `trace_<uuid>`, one to one. */
export interface TraceContext {
  readonly traceId: TraceId;
}

/** Continues the caller's trace from its `traceparent` header, or starts one (W3C Trace Context, section 3.2). */
export function traceFrom(header: string | undefined, ids: Ids): TraceContext {
  const hex = header === undefined ? undefined : TRACEPARENT.exec(header)?.[1];
  if (hex === undefined) return { traceId: ids.trace() };
  return { traceId: traceIdOf(dashed(hex)) };
}

/** The `traceparent` header of a trace, with the first half of the trace id reused as the parent span's id. */
export function traceparent(traceId: TraceId): string {
  const hex = traceId.slice("trace_".length).replaceAll("-", "");
  return `00-${hex}-${hex.slice(0, 16)}-01`;
}

function dashed(hex: string): string {
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}

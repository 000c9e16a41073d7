import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { traceFrom, traceparent } from "../../shared/trace.ts";
import { testIds } from "../kit/runtime.ts";

const TRACE = "4bf92f3577b34da6a3ce929d0e0e4736";
const SPAN = "00f067aa0ba902b7";

describe("trace", () => {
  it("continues the caller's trace", () => {
    expect(traceFrom(`00-${TRACE}-${SPAN}-01`, testIds)).toEqual({
      traceId: "trace_4bf92f35-77b3-4da6-a3ce-929d0e0e4736",
    });
  });

  it("continues a trace of a later version of the standard, whatever follows", () => {
    expect(traceFrom(`cc-${TRACE}-${SPAN}-01-what-the-future-holds`, testIds).traceId).toContain("4bf92f35");
  });

  it.each([
    ["absent", undefined],
    ["empty", ""],
    ["garbage", "garbage"],
    ["in upper case", `00-${TRACE.toUpperCase()}-${SPAN}-01`],
    ["too short", `00-${TRACE.slice(1)}-${SPAN}-01`],
    ["without flags", `00-${TRACE}-${SPAN}`],
    ["with a trace of zeros", `00-${"0".repeat(32)}-${SPAN}-01`],
    ["with a parent of zeros", `00-${TRACE}-${"0".repeat(16)}-01`],
    ["of the forbidden version ff", `ff-${TRACE}-${SPAN}-01`],
    ["of version 00 with more behind it", `00-${TRACE}-${SPAN}-01-more`],
    ["of version 00 with a dash behind it", `00-${TRACE}-${SPAN}-01-`],
  ])("starts a new trace when the header is %s", (_, header) => {
    const { traceId } = traceFrom(header, testIds);
    expect(traceId).toMatch(/^trace_[0-9a-f-]{36}$/);
    expect(traceId).not.toContain(TRACE.slice(0, 8));
    expect(traceFrom(header, testIds).traceId).not.toBe(traceId);
  });

  it("what traceparent writes, traceFrom reads back", () => {
    fc.assert(
      fc.property(fc.uuid({ version: 4 }), (uuid) => {
        const ids = { ...testIds, trace: () => testIds.trace() };
        const header = traceparent(traceFrom(`00-${uuid.replaceAll("-", "")}-${SPAN}-00`, ids).traceId);
        expect(header).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/);
        expect(traceFrom(header, ids).traceId).toBe(`trace_${uuid}`);
      }),
    );
  });
});

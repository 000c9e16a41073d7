import { describe, expect, it } from "vitest";

import { readLogCursor, writeLogCursor } from "../../../infra/adapters/tiered/tail-cursor.ts";

const at = (stream: string) => `000000000000001|${stream}|0000000001|step_started|session_1|`;
const cursorAt = (place: string) => writeLogCursor({ in: "tail", place, given: [] });

describe("a cursor of the tail", () => {
  it("is read as it was written", () => {
    expect(readLogCursor(cursorAt(at("execution_1")))).toMatchObject({ in: "tail", place: at("execution_1") });
  });

  it.each(["", "x", at("%zz"), at("")])("is invalid when no page gave it: %j", (place) => {
    expect(() => readLogCursor(cursorAt(place))).toThrow(
      expect.objectContaining({ code: "cursor.invalid", status: 422 }),
    );
  });
});

import { expect, it } from "vitest";

import { readLogCursor, writeLogCursor } from "../../../infra/adapters/tiered/tail-cursor.ts";

const place = (stream: string) => `000000000000001|${stream}|0000000001|step_started|session_1|`;

it("takes the cursor of a tail's page, and none that somebody made", () => {
  const own = { in: "tail", place: place("execution_1"), given: [] } as const;
  expect(readLogCursor(writeLogCursor(own))).toEqual(own);
  for (const other of ["", "x", place("%zz"), place("")]) {
    const cursor = writeLogCursor({ ...own, place: other });
    expect(() => readLogCursor(cursor), other).toThrow(
      expect.objectContaining({ code: "cursor.invalid", status: 422 }),
    );
  }
});

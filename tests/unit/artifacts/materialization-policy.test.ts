import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { materializationFor, MATERIALIZATIONS } from "../../../shared/artifacts/materialization-policy.ts";

describe("the materialization policy", () => {
  it.each(["intent", "journey", "state_transition", "governance_decision", "file", "parsed_content", "embeddings"])(
    "persists %s by default",
    (type) => {
      expect(materializationFor(type)).toBe("PERSIST");
    },
  );

  it("discards every type that it does not know", () => {
    for (const type of ["", "File", "files", "__proto__", "constructor", "toString"]) {
      expect(materializationFor(type)).toBe("DISCARD");
      expect(materializationFor(type, {})).toBe("DISCARD");
    }
  });

  it.each(MATERIALIZATIONS)("obeys a solution that says %s, for known and for unknown types", (decision) => {
    expect(materializationFor("file", { file: decision })).toBe(decision);
    expect(materializationFor("sketch", { sketch: decision })).toBe(decision);
    expect(materializationFor("embeddings", { file: decision })).toBe("PERSIST");
  });

  it("discards when the solution's word makes no sense", () => {
    fc.assert(
      fc.property(fc.string(), (word) => {
        fc.pre(!MATERIALIZATIONS.some((decision) => decision === word));
        expect(materializationFor("file", { file: word })).toBe("DISCARD");
      }),
    );
  });
});

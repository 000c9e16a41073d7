import { describe, expect, it } from "vitest";

import { systemRandom } from "../../infra/adapters/system/system.ts";
import { createIds, idSchemas, traceIdOf } from "../../shared/ids.ts";

const UUID_V4 = /^[a-z]+_[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

describe("ids", () => {
  const ids = createIds(systemRandom);

  it("each kind is its name and a version 4 uuid, and no two are alike", () => {
    const made = Object.values(ids).flatMap((make) => [make(), make()]);
    for (const id of made) expect(id).toMatch(UUID_V4);
    expect(new Set(made).size).toBe(made.length);
  });

  it("names the kind in the id", () => {
    expect(Object.entries(ids).map(([kind, make]) => make().startsWith(`${kind}_`))).not.toContain(false);
  });

  it("takes its randomness from outside", () => {
    const fixed = createIds({ uuid: () => "0", fraction: () => 0 });
    expect([fixed.session(), fixed.execution(), fixed.file()]).toEqual(["session_0", "execution_0", "file_0"]);
    expect(traceIdOf("0")).toBe("trace_0");
  });

  it("schemas take ids of 1 to 128 characters and nothing else", () => {
    for (const schema of Object.values(idSchemas)) {
      expect(schema.safeParse("x").success).toBe(true);
      expect(schema.safeParse("x".repeat(128)).success).toBe(true);
      for (const wrong of ["", "x".repeat(129), 5, null, undefined, {}]) {
        expect(schema.safeParse(wrong).success).toBe(false);
      }
    }
  });
});

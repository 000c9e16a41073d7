import { readdirSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { fixturesFolder, lintFixture, promisedFindings } from "./lint-fixture.ts";

describe("the lint bites exactly where a fixture says so, and nowhere else", () => {
  it.each(readdirSync(fixturesFolder))("%s", async (fixture) => {
    const promised = await promisedFindings(fixture);
    expect(promised).not.toEqual([]);
    expect(await lintFixture(fixture)).toEqual(promised);
  });
});

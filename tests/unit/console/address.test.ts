import { expect, it } from "vitest";

import { addressOf, readAddress } from "../../../infra/console/page/address.ts";

it.each([
  [["executions"], { status: "failed", intent_type: "content.parse_content" }],
  [["execution", "execution_1"], {}],
  [["execution", "a/b?c#d &%"], { q: "x=y&z" }],
])("leads to %j with %j and back", (path, query) => {
  expect(readAddress(addressOf(path, query))).toEqual({ path, query });
});

it("leaves out what is not asked for", () => {
  expect(addressOf(["log"], { type: "", from: undefined })).toBe("#/log");
});

it("takes what somebody typed for what it is", () => {
  expect(readAddress("#/execution/100%")).toEqual({ path: ["execution", "100%"], query: {} });
  expect(readAddress("")).toEqual({ path: [], query: {} });
});

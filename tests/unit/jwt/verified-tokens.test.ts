import { expect, it } from "vitest";

import { createVerifiedTokens } from "../../../infra/adapters/jwt/verified-tokens.ts";
import { trustedTenantId } from "../../../shared/ids.ts";

const ada = { tenantId: trustedTenantId("acme"), userId: "ada", roles: [] };

it("knows a verified token until the moment it expires", () => {
  let nowMs = 1_000;
  const tokens = createVerifiedTokens(() => nowMs);
  tokens.put("token", ada, 2_000);
  expect(tokens.get("token")).toEqual(ada);
  nowMs = 1_999;
  expect(tokens.get("token")).toEqual(ada);
  nowMs = 2_000;
  expect(tokens.get("token")).toBeUndefined();
  nowMs = 1_000;
  expect(tokens.get("token")).toBeUndefined();
});

it("knows no other token, however alike", () => {
  const tokens = createVerifiedTokens(() => 0);
  tokens.put("token", ada, 1);
  expect(["toke", "token ", "Token", ""].map((text) => tokens.get(text))).toEqual(Array(4).fill(undefined));
});

it("forgets the one that was verified longest ago when there are too many", () => {
  const tokens = createVerifiedTokens(() => 0, 2);
  for (const text of ["a", "b", "c"]) tokens.put(text, ada, 1);
  expect(["a", "b", "c"].map((text) => tokens.get(text) !== undefined)).toEqual([false, true, true]);
});

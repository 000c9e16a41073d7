import { expect, it } from "vitest";

import { notFound, RuntimeError } from "../../shared/errors.ts";

it("an error that says nothing else is an unexpected one that a retry does not help", () => {
  const error = new RuntimeError("x.failed", "It failed.");
  expect(error).toMatchObject({ name: "RuntimeError", status: 500, retryable: false, faults: [] });
  expect(error.details).toBeUndefined();
  expect("cause" in error).toBe(false);
});

it("what is absent is a 404 with a code of its kind", () => {
  expect(notFound("pending intent", "intent_1")).toMatchObject({ code: "pending_intent.not_found", status: 404 });
});

import { expect, it } from "vitest";

import { faultsOf, notFound, RuntimeError } from "../../shared/errors.ts";

it("an error that says nothing else is an unexpected one that a retry does not help", () => {
  const error = new RuntimeError("x.failed", "It failed.");
  expect(error).toMatchObject({ name: "RuntimeError", status: 500, retryable: false, faults: [] });
  expect(error.details).toBeUndefined();
  expect("cause" in error).toBe(false);
});

it("what is absent is a 404 with a code of its kind", () => {
  expect(notFound("pending intent", "intent_1")).toMatchObject({ code: "pending_intent.not_found", status: 404 });
});

it("tells of no more faults than a person reads, each shortly, and how many more there are", () => {
  const issues = Array.from({ length: 150 }, (_, at) => ({
    path: ["x".repeat(5_000), at],
    message: "y".repeat(5_000),
  }));
  const faults = faultsOf({ issues }, "parameters");
  expect([faults.length, faults.at(-1)]).toEqual([101, { path: "", message: "and 50 more" }]);
  expect(JSON.stringify(faults).length).toBeLessThan(250_000);
  expect(faultsOf({ issues: [{ path: ["a", 0], message: "bad" }] }, "parameters")).toEqual([
    { path: "parameters.a.0", message: "bad" },
  ]);
});

import { expect, it } from "vitest";

import { redisRefused, storeUnavailable } from "../../../infra/adapters/redis/connection.ts";

it.each([
  "ERR max number of clients reached",
  "ERR max daily request limit exceeded. Limit: 10000, Usage: 10000.",
  "ERR max requests limit exceeded. Limit: 500000, Usage: 500000.",
  "ERR max concurrent connections exceeded",
  "ERR DB capacity quota exceeded",
  "READONLY You can't write against a read only replica.",
])("what Redis refuses for a while is an outage: %s", (answer) => {
  expect(redisRefused(answer)).toMatchObject({ code: "store.unavailable", status: 503, retryable: true });
});

it.each([
  "ERR max request size exceeded. Limit: 1048576 bytes",
  "ERR wrong number of arguments",
  "WRONGTYPE Operation",
])("what it would refuse again is a fault of ours: %s", (answer) => {
  expect(redisRefused(answer)).toMatchObject({ code: "store.refused", status: 500, retryable: false });
});

it("the log tells why Redis cannot be used, and nothing of what it was asked", () => {
  const asked = 'command was: ["evalsha","secret"]';
  expect(redisRefused(`WRONGPASS invalid username-password pair, ${asked}`).message).toBe(
    "The store cannot be reached (WRONGPASS). Try again.",
  );
  expect(redisRefused(`ERR max daily request limit exceeded. Limit: 10000, ${asked}`).message).toBe(
    "The store cannot be reached (ERR max daily request limit). Try again.",
  );
  expect(redisRefused(`NOPERM this user has no permissions, ${asked}`).message).toBe(
    "The store refused a command (NOPERM).",
  );
  const refused = Object.assign(new Error("connect ECONNREFUSED 10.0.0.1:6379"), { code: "ECONNREFUSED" });
  expect(storeUnavailable(refused).message).toBe("The store cannot be reached (ECONNREFUSED). Try again.");
  expect(storeUnavailable(new Error("closed")).message).toBe("The store cannot be reached. Try again.");
});

import { once } from "node:events";
import type { AddressInfo } from "node:net";

import type { HttpFunction } from "@google-cloud/functions-framework";

/** Serves a function under functions-framework, which is there before the function is, as when it is deployed, and tells the address. */
export async function listenUnderFramework(make: () => HttpFunction): Promise<string> {
  // Only when it serves: it brings node:domain along, which makes every event emitter of the process slower.
  // oxlint-disable-next-line eslint/no-restricted-imports -- the bench serves by the framework itself, unbundled
  const { http } = await import("@google-cloud/functions-framework");
  const { getTestServer } = await import("@google-cloud/functions-framework/testing");
  http("bench", make());
  const server = getTestServer("bench").listen(0, "127.0.0.1");
  await once(server, "listening");
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** Whether the bench asks for the framework in the place of a bare server. */
export const underFramework: boolean = process.env["BENCH_HOST"] === "functions-framework";

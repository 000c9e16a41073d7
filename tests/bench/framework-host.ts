import { once } from "node:events";
import type { AddressInfo } from "node:net";

// oxlint-disable-next-line eslint/no-restricted-imports -- the bench serves by the framework itself, unbundled
import { http, type HttpFunction } from "@google-cloud/functions-framework";
import { getTestServer } from "@google-cloud/functions-framework/testing";

/** Serves a function under functions-framework, as it does when it is deployed, and tells the address. */
export async function listenUnderFramework(handle: HttpFunction): Promise<string> {
  http("bench", handle);
  const server = getTestServer("bench").listen(0, "127.0.0.1");
  await once(server, "listening");
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** Whether the bench asks for the framework in the place of a bare server. */
export const underFramework: boolean = process.env["BENCH_HOST"] === "functions-framework";

import * as z from "zod";

import { RuntimeError } from "../../errors.ts";
import type { RuntimeServices } from "../../services.ts";
import { addPublicEndpoint, type Router } from "../endpoint.ts";

const SERVICE = "symphainy-runtime";
const VERSION = "0.1.0";
/** A dependency that has not answered by then is not ready. */
const PROBE_TIMEOUT_MS = 2_000;

const readiness = z.object({
  status: z.enum(["ready", "not_ready"]),
  failing: z.array(z.object({ dependency: z.string(), reason: z.string() })).optional(),
});

/** Liveness, and readiness that asks each dependency. */
export function addHealthRoutes(router: Router, { adapters }: RuntimeServices): void {
  const { store, objects, bus, clock } = adapters;
  const dependencies = { execution_store: store, object_store: objects, message_bus: bus };

  const probe = async ([dependency, adapter]: [string, { ping(): Promise<void> }]) => {
    const answered = new AbortController();
    const silence = clock
      .sleep(PROBE_TIMEOUT_MS, answered.signal)
      .then(() => `no answer within ${PROBE_TIMEOUT_MS} ms`);
    const answer = adapter.ping().then(
      () => undefined,
      (error: unknown) => (error instanceof RuntimeError ? error.code : "unreachable"),
    );
    const reason = await Promise.race([answer, silence]);
    answered.abort();
    return reason === undefined ? [] : [{ dependency, reason }];
  };

  addPublicEndpoint(
    router,
    {
      method: "get",
      path: "/health",
      tag: "operations",
      summary: "Whether the process lives",
      answers: {
        200: {
          description: "it does",
          schema: z.object({ status: z.literal("healthy"), service: z.string(), version: z.string() }),
        },
      },
    },
    () => Promise.resolve({ status: 200, json: { status: "healthy", service: SERVICE, version: VERSION } }),
  );

  addPublicEndpoint(
    router,
    {
      method: "get",
      path: "/health/ready",
      tag: "operations",
      summary: "Whether every dependency answers",
      answers: {
        200: { description: "ready", schema: readiness },
        503: { description: "not ready", schema: readiness },
      },
    },
    async () => {
      const failing = (await Promise.all(Object.entries(dependencies).map(probe))).flat();
      if (failing.length === 0) return { status: 200, json: { status: "ready" } };
      return { status: 503, json: { status: "not_ready", failing }, headers: { "retry-after": "1" } };
    },
  );
}

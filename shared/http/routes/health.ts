import * as z from "zod";

import type { Config } from "../../config.ts";
import { RuntimeError } from "../../errors.ts";
import type { RuntimeServices } from "../../services.ts";
import { addPublicEndpoint } from "../endpoint.ts";
import type { Router } from "../router.ts";
import { VERSION } from "../version.ts";

const SERVICE = "symphainy-runtime";
/** A dependency that has not answered by then is not ready. */
const PROBE_TIMEOUT_MS = 2_000;

const readiness = z.object({
  status: z.enum(["ready", "not_ready"]),
  failing: z.array(z.object({ dependency: z.string(), component: z.string(), reason: z.string() })).optional(),
});

interface Dependency {
  readonly dependency: string;
  /** The kind of adapter, as the configuration names it. */
  readonly component: string;
  readonly adapter: { ping(): Promise<void> };
}

/** Which of its two stores the tiered one misses. */
function componentOf({ store }: Config, error: unknown): string | undefined {
  if (store.kind !== "tiered" || !(error instanceof RuntimeError)) return undefined;
  return error.code === "hot_tier.unavailable" ? store.hot.kind : store.cold.kind;
}

/** Liveness, and readiness that asks each dependency. */
export function addHealthRoutes(router: Router, { adapters, config }: RuntimeServices): void {
  const { store, objects, bus, records, graph, clock } = adapters;
  const dependencies: readonly Dependency[] = [
    { dependency: "execution_store", component: config.store.kind, adapter: store },
    { dependency: "object_store", component: config.objects.kind, adapter: objects },
    { dependency: "message_bus", component: config.bus.kind, adapter: bus },
    { dependency: "record_store", component: config.records.kind, adapter: records },
    { dependency: "graph_store", component: config.graph.kind, adapter: graph },
  ];

  const probe = async ({ dependency, component, adapter }: Dependency) => {
    const answered = new AbortController();
    const silence = clock
      .sleep(PROBE_TIMEOUT_MS, answered.signal)
      .then(() => ({ component, reason: `no answer within ${PROBE_TIMEOUT_MS} ms` }));
    const answer = adapter.ping().then(
      () => undefined,
      (error: unknown) => ({
        component: adapter === store ? (componentOf(config, error) ?? component) : component,
        reason: error instanceof RuntimeError ? error.code : "unreachable",
      }),
    );
    const failure = await Promise.race([answer, silence]);
    answered.abort();
    return failure === undefined ? [] : [{ dependency, ...failure }];
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
      const failing = (await Promise.all(dependencies.map(probe))).flat();
      if (failing.length === 0) return { status: 200, json: { status: "ready" } };
      return { status: 503, json: { status: "not_ready", failing }, headers: { "retry-after": "1" } };
    },
  );
}

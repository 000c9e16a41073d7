import * as z from "zod";

import { jsonValue } from "../../json.ts";
import { GUEST_LIMITS } from "../../ports/guest-limits.ts";
import type { RuntimeServices } from "../../services.ts";
import { DEFAULT_RESTART_POLICY, INSTANCE_STATUSES, restartPolicySchema } from "../../wasm/instance.ts";
import { addEndpoint } from "../endpoint.ts";
import type { Router } from "../router.ts";
import { idempotencyHeader, idempotencyKeyIn } from "../idempotency-key.ts";
import { anyId, cursorOf, pageQuery, tenantId } from "../wire.ts";
import { readModule } from "./wasm-module.ts";
import { capabilityBody, instanceAnswer, instanceJson, instanceIn } from "./wasm-view.ts";

const tag = "wasm";

/** Instances of tenants' modules: made, found, called and stopped. */
export function addWasmInstanceRoutes(router: Router, services: RuntimeServices): void {
  const { instances, adapters } = services;

  addEndpoint(
    router,
    adapters.tokens,
    {
      method: "post",
      path: "/wasm/instances",
      role: "operator",
      tag,
      summary: "Start an instance of a module",
      headers: [idempotencyHeader("instance")],
      description: "The module is in the body, or a file that was ingested; see shared/wasm/first-module.md.",
      body: z.strictObject({
        tenant_id: tenantId,
        module_base64: z.string().optional().describe("for modules that fit into a body"),
        artifact_id: anyId.optional().describe("a file's, for larger ones"),
        restart_policy: restartPolicySchema.default(DEFAULT_RESTART_POLICY),
        capabilities: z.array(z.object(capabilityBody)).max(64).default([]),
      }),
      answers: { 201: { description: "it runs", schema: instanceAnswer } },
      problems: [400, 429, 504],
    },
    async ({ body, tenantId: tenant, trace, request }) => {
      const idempotencyKey = idempotencyKeyIn(request.header("idempotency-key"));
      const module = await readModule(services, tenant, body);
      const record = await instances.create({
        tenantId: tenant,
        module,
        restartPolicy: body.restart_policy,
        capabilities: body.capabilities.map(({ provider_type, permissions }) => ({
          providerType: provider_type,
          permissions,
        })),
        idempotencyKey,
        traceId: trace.traceId,
      });
      return { status: 201, json: instanceJson(record) };
    },
  );

  addEndpoint(
    router,
    adapters.tokens,
    {
      method: "get",
      path: "/wasm/instances",
      role: "viewer",
      tag,
      summary: "List instances, newest first",
      query: z.object({ tenant_id: tenantId, status: z.enum(INSTANCE_STATUSES).optional(), ...pageQuery }),
      answers: {
        200: {
          description: "a page",
          schema: z.object({
            instances: z.array(instanceAnswer),
            total: z.int(),
            next_cursor: z.string().optional(),
          }),
        },
      },
    },
    async ({ query, tenantId: tenant }) => {
      const page = await instances.list(tenant, query.status, query);
      return {
        status: 200,
        json: { instances: page.items.map(instanceJson), total: page.total, ...cursorOf(page) },
      };
    },
  );

  addEndpoint(
    router,
    adapters.tokens,
    {
      method: "get",
      path: "/wasm/instances/{instance_id}",
      role: "viewer",
      tag,
      summary: "Read an instance as it is",
      query: z.object({ tenant_id: tenantId }),
      answers: { 200: { description: "the instance", schema: instanceAnswer } },
    },
    async ({ params, tenantId: tenant }) => {
      const record = await instances.get(tenant, instanceIn(params));
      return { status: 200, json: instanceJson(record) };
    },
  );

  addEndpoint(
    router,
    adapters.tokens,
    {
      method: "post",
      path: "/wasm/instances/{instance_id}/invoke",
      role: "submitter",
      tag,
      summary: "Call a function of an instance with JSON",
      description: "Each call runs in a fresh memory. What a trap ends has crashed the instance.",
      body: z.strictObject({
        tenant_id: tenantId,
        export: z.string().min(1).max(256).optional().describe("default: `invoke`, or the program of a command"),
        input: jsonValue.optional(),
        timeout_ms: z
          .int()
          .min(GUEST_LIMITS.deadlineMinMs)
          .max(GUEST_LIMITS.deadlineMaxMs)
          .default(GUEST_LIMITS.deadlineDefaultMs),
      }),
      answers: {
        200: {
          description: "what it gave",
          schema: z.object({
            output: jsonValue,
            log: z.string(),
            log_truncated: z.boolean(),
            run_ms: z.number(),
          }),
        },
      },
      problems: [400, 429, 500, 504],
    },
    async ({ body, params, tenantId: tenant, trace }) => {
      const { output, report } = await instances.invoke({
        tenantId: tenant,
        instanceId: instanceIn(params),
        export: body.export,
        input: body.input ?? null,
        deadlineMs: body.timeout_ms,
        traceId: trace.traceId,
      });
      const { log, logTruncated, runMs } = report;
      return { status: 200, json: { output, log, log_truncated: logTruncated, run_ms: runMs } };
    },
  );

  addEndpoint(
    router,
    adapters.tokens,
    {
      method: "post",
      path: "/wasm/instances/{instance_id}/stop",
      role: "operator",
      tag,
      summary: "Stop an instance for good",
      body: z.strictObject({ tenant_id: tenantId }),
      answers: { 200: { description: "it is stopped", schema: instanceAnswer } },
      problems: [429],
    },
    async ({ params, tenantId: tenant, trace }) => {
      const record = await instances.stop(tenant, instanceIn(params), trace.traceId);
      return { status: 200, json: instanceJson(record) };
    },
  );

  addEndpoint(
    router,
    adapters.tokens,
    {
      method: "delete",
      path: "/wasm/instances/{instance_id}",
      role: "operator",
      tag,
      summary: "Take a stopped instance away, with all that it keeps",
      description: "What happened to it stays in the tenant's log, under the instance's id as `session_id`.",
      query: z.object({ tenant_id: tenantId }),
      answers: { 200: { description: "it is gone", schema: z.object({ instance_id: z.string() }) } },
      problems: [400, 429],
    },
    async ({ params, tenantId: tenant, trace }) => {
      const instanceId = instanceIn(params);
      await instances.remove(tenant, instanceId, trace.traceId);
      return { status: 200, json: { instance_id: instanceId } };
    },
  );
}

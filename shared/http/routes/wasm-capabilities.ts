import * as z from "zod";

import type { RuntimeServices } from "../../services.ts";
import { addEndpoint } from "../endpoint.ts";
import type { Router } from "../router.ts";
import { cursorOf, pageQuery, tenantId } from "../wire.ts";
import { capabilityBody, factAnswer, factJson, instanceAnswer, instanceIn, instanceJson } from "./wasm-view.ts";

const tag = "wasm";

/** What instances may do, and what happened to them. */
export function addWasmCapabilityRoutes(router: Router, { instances, adapters }: RuntimeServices): void {
  addEndpoint(
    router,
    adapters.tokens,
    {
      method: "post",
      path: "/wasm/instances/{instance_id}/capabilities",
      role: "operator",
      tag,
      summary: "Give an instance a capability",
      body: z.strictObject({
        tenant_id: tenantId,
        ...capabilityBody,
      }),
      answers: {
        201: { description: "it has it", schema: z.object({ capability_id: z.string(), ...instanceAnswer.shape }) },
      },
      problems: [400, 429],
    },
    async ({ body, params, tenantId: tenant, trace }) => {
      const instanceId = instanceIn(params);
      const grant = { providerType: body.provider_type, permissions: body.permissions };
      const { record, capabilityId } = await instances.grant(tenant, instanceId, grant, trace.traceId);
      return { status: 201, json: { capability_id: capabilityId, ...instanceJson(record) } };
    },
  );

  addEndpoint(
    router,
    adapters.tokens,
    {
      method: "delete",
      path: "/wasm/instances/{instance_id}/capabilities/{capability_id}",
      role: "operator",
      tag,
      summary: "Take a capability away; it bites on the next call of the guest",
      query: z.object({ tenant_id: tenantId }),
      answers: { 200: { description: "the instance without it", schema: instanceAnswer } },
      problems: [429],
    },
    async ({ params, tenantId: tenant, trace }) => {
      const instanceId = instanceIn(params);
      const record = await instances.revoke(tenant, instanceId, params["capability_id"] ?? "", trace.traceId);
      return { status: 200, json: instanceJson(record) };
    },
  );

  addEndpoint(
    router,
    adapters.tokens,
    {
      method: "get",
      path: "/wasm/instances/{instance_id}/events",
      role: "viewer",
      tag,
      summary: "Read what happened to an instance, oldest first",
      query: z.object({ tenant_id: tenantId, ...pageQuery }),
      answers: {
        200: {
          description: "a page",
          schema: z.object({ events: z.array(factAnswer), next_cursor: z.string().optional() }),
        },
      },
    },
    async ({ params, query, tenantId: tenant }) => {
      const page = await instances.facts(tenant, instanceIn(params), query);
      return { status: 200, json: { events: page.items.map(factJson), ...cursorOf(page) } };
    },
  );
}

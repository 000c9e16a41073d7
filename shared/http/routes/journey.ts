import * as z from "zod";

import { EXECUTION_STATUSES, failureSchema } from "../../executions/execution.ts";
import { asId } from "../../ids.ts";
import { jsonObject } from "../../json.ts";
import { readJourney } from "../../mash/journey.ts";
import { MILESTONES } from "../../sagas/journey.ts";
import type { RuntimeServices } from "../../services.ts";
import { addEndpoint } from "../endpoint.ts";
import type { Router } from "../router.ts";
import { tenantId } from "../wire.ts";
import { executionSummary, summaryJson } from "./execution-view.ts";

const journeyAnswer = z.object({
  trace_id: z.string(),
  status: z.enum(EXECUTION_STATUSES).describe("of the newest execution"),
  milestones: z.array(
    z.object({
      milestone: z.enum(MILESTONES),
      reached_at: z.string(),
      execution_id: z.string(),
      step_name: z.string(),
    }),
  ),
  error: failureSchema.optional(),
  results: jsonObject.describe("what each completed stage returned, by its name"),
  executions: z.array(executionSummary).describe("the newest first; more than one after a retry"),
});

/** How far the data of a trace has come. */
export function addJourneyRoute(router: Router, services: RuntimeServices): void {
  const { adapters, surface, catalog, claimCheck } = services;
  const deps = { store: adapters.store, surface, catalog, claimCheck };
  addEndpoint(
    router,
    adapters.tokens,
    {
      method: "get",
      path: "/journey/{trace_id}",
      role: "viewer",
      tag: "executions",
      summary: "Read how far the data of a trace has come, and what each stage found",
      query: z.object({ tenant_id: tenantId }),
      answers: { 200: { description: "the journey", schema: journeyAnswer } },
      problems: [404],
    },
    async ({ params, tenantId: tenant }) => {
      const journey = await readJourney(deps, tenant, asId.trace(params["trace_id"] ?? ""));
      const milestones = journey.milestones.map(({ milestone, reachedAt, executionId, stepName }) => ({
        milestone,
        reached_at: reachedAt,
        execution_id: executionId,
        step_name: stepName,
      }));
      return {
        status: 200,
        json: {
          trace_id: journey.traceId,
          status: journey.status,
          milestones,
          ...(journey.failure === undefined ? {} : { error: journey.failure }),
          results: journey.results,
          executions: journey.executions.map(summaryJson),
        },
      };
    },
  );
}

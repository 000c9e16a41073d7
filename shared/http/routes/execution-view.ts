import * as z from "zod";

import { type Artifact, artifactKind } from "../../artifacts/artifact.ts";
import {
  EXECUTION_STATUSES,
  type Execution,
  type ExecutionHead,
  failureSchema,
  stepSchema,
} from "../../executions/execution.ts";
import { isErased } from "../../state/subjects.ts";
import { openArtifact } from "../../artifacts/open-artifact.ts";
import type { TenantId } from "../../ids.ts";
import { jsonObject, jsonValue, type JsonValue } from "../../json.ts";
import { jsonBytes } from "../../json-size.ts";
import type { RuntimeServices } from "../../services.ts";

/**
 * What the outputs of an execution's steps have in one answer at the most, as JSON: it is held whole, and Cloud Run passes on 32 MiB. Those
 * that do not fit are told by their size, and read one by one.
 */
const MAX_OUTPUTS_BYTES = 4 * 1024 * 1024;

export const acceptedAnswer = z.object({
  execution_id: z.string(),
  intent_id: z.string(),
  saga_id: z.string(),
  status: z.enum(EXECUTION_STATUSES),
  created_at: z.string(),
});

export const executionSummary = acceptedAnswer.extend({
  intent_type: z.string(),
  session_id: z.string(),
  error: failureSchema.optional(),
  updated_at: z.string(),
});

const eventAnswer = z.object({ event_id: z.string(), event_type: z.string(), data: jsonObject });

export const executionAnswer = executionSummary.extend({
  steps: z.array(
    stepSchema.omit({ events: true, epoch: true }).extend({
      outputs_bytes: z
        .int()
        .optional()
        .describe(
          `in place of outputs that do not fit: those of all steps have ${MAX_OUTPUTS_BYTES} bytes at the most; \`step\` reads one`,
        ),
    }),
  ),
  output: jsonValue.optional(),
  artifacts: z.array(jsonObject).optional(),
  events: z.array(eventAnswer).optional(),
  trace_id: z.string(),
});

export const outcomeAnswer = z.object({
  execution_id: z.string(),
  status: z.literal("completed"),
  artifacts: z.array(jsonObject),
  events: z.array(eventAnswer),
  output: jsonValue,
});

/** What an accepted intent is answered with. */
export function acceptedJson(execution: ExecutionHead): z.input<typeof acceptedAnswer> {
  const { execution_id, intent_id, saga_id, status, created_at } = execution;
  return { execution_id, intent_id, saga_id, status, created_at };
}

export function summaryJson(head: ExecutionHead): z.input<typeof executionSummary> {
  const { intent_type, session_id, error, updated_at } = head;
  return { ...acceptedJson(head), intent_type, session_id, ...(error === undefined ? {} : { error }), updated_at };
}

/** The parts of an execution that rest elsewhere: its artifacts' records, and payloads behind claim checks. */
export function createExecutionView({ surface, claimCheck, subjects }: RuntimeServices) {
  const artifacts = async (tenantId: TenantId, execution: Execution): Promise<Artifact[]> => {
    const found = await Promise.all(
      execution.artifacts.map(({ artifact_id }) => surface.get(tenantId, artifactKind, artifact_id)),
    );
    return Promise.all(
      found.flatMap((record) => {
        if (record === undefined) return [];
        // Whoever erased a subject changed its artifacts too: they are shown as they rest, sealed.
        const asItRests = (error: unknown): Artifact => {
          if (isErased(error)) return record.value;
          throw error;
        };
        return [openArtifact(subjects, record.value).catch(asItRests)];
      }),
    );
  };
  const whole = (tenantId: TenantId, parked: JsonValue | undefined) => claimCheck.redeem(tenantId, parked ?? null);
  const events = (tenantId: TenantId, execution: Execution) =>
    Promise.all(
      execution.steps
        .flatMap((step) => step.events ?? [])
        .map(async (event) => ({ ...event, data: await whole(tenantId, event.data) })),
    );

  /** The steps with their outputs: of all of them as much as fits, in their order, or of one step all. */
  const stepsOf = async (tenantId: TenantId, { steps }: Execution, only: string | undefined) => {
    let leftBytes = only === undefined ? MAX_OUTPUTS_BYTES : Number.POSITIVE_INFINITY;
    const shown = only === undefined ? steps : steps.filter(({ step_name }) => step_name === only);
    return Promise.all(
      shown.map(async ({ events: _, epoch: __, outputs, ...step }) => {
        if (outputs === undefined) return step;
        const outputs_bytes = claimCheck.bytesOf(outputs) ?? jsonBytes(outputs);
        if (outputs_bytes > leftBytes) return { ...step, outputs_bytes };
        leftBytes -= outputs_bytes;
        return { ...step, outputs: await whole(tenantId, outputs) };
      }),
    );
  };

  return {
    outcome: async (tenantId: TenantId, execution: Execution) => ({
      execution_id: execution.execution_id,
      status: execution.status,
      artifacts: await artifacts(tenantId, execution),
      events: await events(tenantId, execution),
      output: await whole(tenantId, execution.output),
    }),

    full: async (
      tenantId: TenantId,
      execution: Execution,
      include: { readonly artifacts: boolean; readonly events: boolean; readonly step?: string | undefined },
    ) => ({
      ...summaryJson(execution),
      trace_id: execution.trace_id,
      steps: await stepsOf(tenantId, execution, include.step),
      ...(execution.output === undefined ? {} : { output: await whole(tenantId, execution.output) }),
      ...(include.artifacts ? { artifacts: await artifacts(tenantId, execution) } : {}),
      ...(include.events ? { events: await events(tenantId, execution) } : {}),
    }),
  };
}

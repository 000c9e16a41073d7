import * as z from "zod";

import { jsonValue } from "../../json.ts";

import {
  type Artifact,
  artifactFacet,
  artifactKind,
  artifactSchema,
  ELIGIBLE_FOR,
  eligibleFacet,
  LIFECYCLE_STATES,
  semanticDescriptorSchema,
} from "../../artifacts/artifact.ts";
import { openArtifact } from "../../artifacts/open-artifact.ts";
import { notFound } from "../../errors.ts";
import type { TenantId } from "../../ids.ts";
import type { RuntimeServices } from "../../services.ts";
import { addEndpoint } from "../endpoint.ts";
import type { Router } from "../router.ts";
import { anyId, cursorOf, flag, pageBody, tenantId } from "../wire.ts";
import { createPayloadReader } from "./artifact-payload.ts";

const tag = "artifacts";
const VISIBLE: ReadonlySet<string> = new Set(["READY", "ARCHIVED"]);

const listed = z.object({
  artifact_id: z.string(),
  artifact_type: z.string(),
  lifecycle_state: z.enum(LIFECYCLE_STATES),
  semantic_descriptor: semanticDescriptorSchema,
  created_at: z.string(),
  updated_at: z.string(),
});

/** Artifacts: records, payloads and pictures. */
export function addArtifactRoutes(router: Router, services: RuntimeServices): void {
  const { surface, adapters } = services;
  const payloads = createPayloadReader(services);

  const find = async (tenant: TenantId, id: string): Promise<Artifact> => {
    const found = await surface.get(tenant, artifactKind, id);
    if (found === undefined) throw notFound("artifact", id);
    return openArtifact(services.subjects, found.value);
  };

  addEndpoint(
    router,
    adapters.tokens,
    {
      method: "post",
      path: "/artifact/resolve",
      role: "viewer",
      tag,
      summary: "Resolve an artifact that is ready to be used",
      body: z.strictObject({
        tenant_id: tenantId,
        artifact_id: anyId,
        artifact_type: anyId,
      }),
      answers: { 200: { description: "the record", schema: artifactSchema } },
      problems: [404, 410],
    },
    async ({ body, tenantId: tenant }) => {
      const artifact = await find(tenant, body.artifact_id);
      const usable = VISIBLE.has(artifact.lifecycle_state) && artifact.artifact_type === body.artifact_type;
      if (!usable) throw notFound("artifact", body.artifact_id);
      return { status: 200, json: artifact };
    },
  );

  addEndpoint(
    router,
    adapters.tokens,
    {
      method: "post",
      path: "/artifact/list",
      role: "viewer",
      tag,
      summary: "List artifacts, newest first",
      body: z.strictObject({
        tenant_id: tenantId,
        artifact_type: anyId.optional(),
        lifecycle_state: z.enum(LIFECYCLE_STATES).default("READY"),
        eligible_for: anyId.optional().describe(Object.keys(ELIGIBLE_FOR).join(", ")),
        ...pageBody,
      }),
      answers: {
        200: {
          description: "a page",
          schema: z.object({ artifacts: z.array(listed), total: z.int(), next_cursor: z.string().optional() }),
        },
      },
    },
    async ({ body, tenantId: tenant }) => {
      const facet = facetOf(body);
      if (facet === undefined) return { status: 200, json: { artifacts: [], total: 0 } };
      const page = await surface.list(tenant, artifactKind, facet, body);
      const artifacts = page.items.map(({ value }) => ({
        artifact_id: value.artifact_id,
        artifact_type: value.artifact_type,
        lifecycle_state: value.lifecycle_state,
        semantic_descriptor: value.semantic_descriptor,
        created_at: value.created_at,
        updated_at: value.updated_at,
      }));
      return { status: 200, json: { artifacts, total: page.total, ...cursorOf(page) } };
    },
  );

  addEndpoint(
    router,
    adapters.tokens,
    {
      method: "get",
      path: "/artifacts/{artifact_id}",
      role: "viewer",
      tag,
      summary: "Read an artifact with its payload",
      description:
        "JSON and text come inline, other bytes as base64; a payload above 1 MiB comes as `payload_url`, which whoever holds it may read for 15 minutes, without a token.",
      query: z.object({ tenant_id: tenantId, include_visuals: flag }),
      answers: {
        200: {
          description: "the record and its payload",
          schema: z.object({
            artifact: artifactSchema,
            payload: jsonValue.optional(),
            payload_encoding: z.enum(["json", "jsonl", "text", "base64"]).optional(),
            payload_url: z.string().optional(),
            payload_url_expires_at: z.string().optional(),
            visuals: z.array(z.object({ name: z.string(), content_type: z.string(), url: z.string() })).optional(),
          }),
        },
      },
      problems: [404, 410],
    },
    async ({ params, query, tenantId: tenant, request }) => {
      const artifact = await find(tenant, params["artifact_id"] ?? "");
      const visuals = (artifact.visuals ?? []).map(({ name, materialization }) => ({
        name,
        content_type: materialization.content_type,
        url: `/artifacts/${artifact.artifact_id}/visual/${encodeURIComponent(name)}?tenant_id=${encodeURIComponent(tenant)}`,
      }));
      const payload = await payloads.payload(artifact, request);
      return { status: 200, json: { artifact, ...payload, ...(query.include_visuals ? { visuals } : {}) } };
    },
  );

  const bytesAnswers = {
    200: { description: "the bytes, of whatever type they are", contentType: "*/*", schema: z.string() },
  };

  addEndpoint(
    router,
    adapters.tokens,
    {
      method: "get",
      path: "/artifacts/{artifact_id}/payload",
      role: "viewer",
      tag,
      summary: "Stream an artifact's bytes",
      query: z.object({ tenant_id: tenantId }),
      answers: bytesAnswers,
      problems: [404, 410],
    },
    async ({ params, tenantId: tenant }) => {
      const artifact = await find(tenant, params["artifact_id"] ?? "");
      return payloads.stream(artifact, artifact.materializations[0]);
    },
  );

  addEndpoint(
    router,
    adapters.tokens,
    {
      method: "get",
      path: "/artifacts/{artifact_id}/visual/{name}",
      role: "viewer",
      tag,
      summary: "A picture of an artifact",
      query: z.object({ tenant_id: tenantId }),
      answers: bytesAnswers,
      problems: [404, 410],
    },
    async ({ params, tenantId: tenant }) => {
      const artifact = await find(tenant, params["artifact_id"] ?? "");
      const visual = artifact.visuals?.find(({ name }) => name === params["name"]);
      if (visual === undefined) throw notFound("visual", params["name"] ?? "");
      return payloads.stream(artifact, visual.materialization);
    },
  );
}

function facetOf(filter: {
  readonly artifact_type?: string | undefined;
  readonly lifecycle_state: Artifact["lifecycle_state"];
  readonly eligible_for?: string | undefined;
}): string | undefined {
  const { artifact_type: artifactType, lifecycle_state: lifecycleState } = filter;
  if (filter.eligible_for === undefined) return artifactFacet({ artifactType, lifecycleState });
  const eligibleFor = filter.eligible_for.split(".").at(-1) ?? "";
  const types = Object.hasOwn(ELIGIBLE_FOR, eligibleFor) ? (ELIGIBLE_FOR[eligibleFor] ?? []) : [];
  if (artifactType === undefined) return eligibleFacet({ eligibleFor, lifecycleState });
  return types.includes(artifactType) ? artifactFacet({ artifactType, lifecycleState }) : undefined;
}

import * as z from "zod";

import { jsonObject } from "../json.ts";

import { idSchemas } from "../ids.ts";
import type { RecordKind } from "../state/record-kind.ts";

export const LIFECYCLE_STATES = ["PENDING", "READY", "FAILED", "ARCHIVED", "DELETED"] as const;
export type LifecycleState = (typeof LIFECYCLE_STATES)[number];

/** Where the life cycle may go from each state. */
export const LIFECYCLE: Readonly<Record<LifecycleState, readonly LifecycleState[]>> = {
  PENDING: ["READY", "FAILED"],
  READY: ["ARCHIVED", "FAILED"],
  ARCHIVED: ["READY", "DELETED", "FAILED"],
  FAILED: [],
  DELETED: [],
};

/** Which intents an artifact can be the input of, by its type. */
export const ELIGIBLE_FOR: Readonly<Record<string, readonly string[]>> = {
  parse_content: ["file"],
  extract_embeddings: ["parsed_content"],
  create_deterministic_embeddings: ["parsed_content"],
  save_materialization: ["file", "parsed_content", "embeddings"],
};

export const materializationSchema = z.object({
  materialization_id: z.string(),
  storage_type: z.enum(["files", "gcs", "arango", "postgres", "vector"]),
  /** Where the store keeps the bytes, relative to the store. */
  path: z.string(),
  uri: z.string(),
  format: z.string(),
  content_type: z.string(),
  compression: z.string().optional(),
  sha256: z.string(),
  size_bytes: z.int().nonnegative(),
  created_at: z.string(),
});
export type Materialization = z.infer<typeof materializationSchema>;

export const visualSchema = z.object({ name: z.string(), materialization: materializationSchema });

export const semanticDescriptorSchema = z.object({
  schema: z.string(),
  record_count: z.int().nonnegative().optional(),
  parser_type: z.string().optional(),
  embedding_model: z.string().optional(),
  /** Column names and types of parsed data, in order. */
  columns: z.array(jsonObject).optional(),
});

/** A result of an execution: facts and references, never bytes. */
export const artifactSchema = z.object({
  artifact_id: idSchemas.artifact,
  artifact_type: z.string(),
  tenant_id: z.string(),
  produced_by: z.object({ intent: z.string(), execution_id: idSchemas.execution }),
  parent_artifacts: z.array(idSchemas.artifact),
  lifecycle_state: z.enum(LIFECYCLE_STATES),
  /** Why it is FAILED, in words for a person. */
  failure: z.object({ code: z.string(), message: z.string() }).optional(),
  semantic_descriptor: semanticDescriptorSchema,
  materializations: z.array(materializationSchema),
  visuals: z.array(visualSchema).optional(),
  data_classification: z.enum(["platform", "client"]),
  /** Whose data it is: its bytes, its metadata and its columns are sealed. */
  subject_id: z.string().optional(),
  metadata: jsonObject,
  created_at: z.string(),
  updated_at: z.string(),
});
export type Artifact = z.infer<typeof artifactSchema>;

/** Whether its life is over and it has given its bytes up. */
export function hasNoBytes({ lifecycle_state: state, materializations }: Artifact): boolean {
  return state === "FAILED" || (state === "DELETED" && materializations.length === 0);
}

/** Where an artifact's bytes are in the object store, and no other's. */
export function artifactDirectory(
  tenantId: string,
  { artifact_type, artifact_id }: { readonly artifact_type: string; readonly artifact_id: string },
): string {
  return `artifacts/${tenantId}/${artifact_type}/${artifact_id}`;
}

export interface ArtifactFilter {
  readonly artifactType?: string | undefined;
  readonly lifecycleState: LifecycleState;
}

export function artifactFacet(filter: ArtifactFilter): string {
  const state = `state=${filter.lifecycleState}`;
  return filter.artifactType === undefined ? state : `${state}|type=${filter.artifactType}`;
}

/** The listing of what was made of an artifact. */
export function parentFacet(artifactId: string): string {
  return `parent=${artifactId}`;
}

export function subjectFacet(subjectId: string): string {
  return `subject=${subjectId}`;
}

/** The listing of artifacts in a state that an intent can take as its input. */
export function eligibleFacet(filter: {
  readonly eligibleFor: string;
  readonly lifecycleState: LifecycleState;
}): string {
  return `state=${filter.lifecycleState}|for=${filter.eligibleFor}`;
}

export const artifactKind: RecordKind<Artifact> = {
  name: "artifact",
  schema: artifactSchema,
  facets: ({
    artifact_type: artifactType,
    lifecycle_state: lifecycleState,
    subject_id: subjectId,
    parent_artifacts,
  }) => [
    ...(subjectId === undefined ? [] : [subjectFacet(subjectId)]),
    ...parent_artifacts.map(parentFacet),
    artifactFacet({ lifecycleState }),
    artifactFacet({ artifactType, lifecycleState }),
    ...Object.entries(ELIGIBLE_FOR)
      .filter(([, types]) => types.includes(artifactType))
      .map(([eligibleFor]) => eligibleFacet({ eligibleFor, lifecycleState })),
  ],
};

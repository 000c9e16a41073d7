import * as z from "zod";

import { RuntimeError } from "../../shared/errors.ts";
import { jsonObject } from "../../shared/json.ts";
import type { Api } from "./api.ts";
import { nearest } from "./nearest.ts";

const work = {
  timeout_ms: z.number(),
  max_attempts: z.number(),
  semantics: z.string(),
  undo: z.boolean(),
  guest: z
    .object({
      module_sha256: z.string(),
      capabilities: z.array(z.object({ permissions: z.array(z.string()) })),
    })
    .optional(),
};
const base = { name: z.string(), conditional: z.boolean() };

/** What `describePlan` makes of a plan's nodes. */
const nodeSchema = z.discriminatedUnion("kind", [
  z.object({ ...base, kind: z.literal("step"), pivot: z.boolean(), ...work }),
  z.object({ ...base, kind: z.literal("await"), timeout_ms: z.number().nullable(), on_timeout: z.string() }),
  z.object({ ...base, kind: z.literal("sleep"), delay_ms: z.number() }),
  z.object({
    ...base,
    kind: z.literal("parallel"),
    on_failure: z.string(),
    branches: z.record(z.string(), z.object(work)),
  }),
  z.object({ ...base, kind: z.literal("map"), on_failure: z.string(), concurrency: z.number(), ...work }),
  z.object({ ...base, kind: z.literal("call"), intent_type: z.string() }),
  z.object({ ...base, kind: z.literal("emit") }),
]);
export type PlanNode = z.infer<typeof nodeSchema>;

/** As much of an intent of `GET /catalog` as is shown; the rest is kept for --json. */
export const catalogIntent = z.looseObject({
  type: z.string(),
  version: z.int(),
  description: z.string(),
  route: z.string(),
  plan: z.looseObject({ checkpoint: z.enum(["each", "ends"]), nodes: z.array(nodeSchema) }),
  input_schema: jsonObject,
});
export type CatalogIntent = z.infer<typeof catalogIntent>;

export async function readCatalog(api: Api): Promise<readonly CatalogIntent[]> {
  return (await api.get("/catalog", z.object({ intents: z.array(catalogIntent) }))).intents;
}

export function unknownIntent(wanted: string, catalog: readonly CatalogIntent[]): RuntimeError {
  const types = catalog.map(({ type }) => type);
  const near = nearest(wanted, types);
  const hint = near.length === 0 ? `This runtime knows ${types.join(", ")}.` : `Did you mean ${near.join(" or ")}?`;
  return new RuntimeError("intent.unknown_type", `There is no intent ${wanted}. ${hint}`, {
    status: 422,
    details: { nearest: near },
  });
}

/** The same error, but for an unknown intent with the nearest names. */
export async function explainUnknownIntent(api: Api, wanted: string, error: unknown): Promise<unknown> {
  if (!(error instanceof RuntimeError) || error.code !== "intent.unknown_type") return error;
  return unknownIntent(wanted, await readCatalog(api));
}

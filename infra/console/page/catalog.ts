import type { JsonObject } from "../../../shared/json.ts";
import type { Transport } from "../../../shared/client/transport.ts";

/** A node of a plan, as `GET /catalog` tells it. */
export interface PlanNode {
  readonly name: string;
  readonly kind: string;
  readonly conditional: boolean;
  readonly pivot?: boolean;
  readonly undo?: boolean;
  readonly branches?: Readonly<Record<string, { readonly undo: boolean }>>;
}

/** An intent type, as `GET /catalog` tells it. */
export interface CatalogIntent {
  readonly type: string;
  readonly version: number;
  readonly description: string;
  readonly plan: { readonly nodes: readonly PlanNode[] };
  readonly input_schema: JsonObject;
}

/** The intents that may be asked for, by type. */
export async function readCatalog(transport: Transport): Promise<ReadonlyMap<string, CatalogIntent>> {
  const call = { path: "/catalog", repeatable: true } as const;
  const { intents } = await transport.json<{ intents: readonly CatalogIntent[] }>(call);
  return new Map(intents.map((intent) => [intent.type, intent]));
}

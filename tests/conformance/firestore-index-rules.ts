import * as z from "zod";

/** `infra/schema/firestore.indexes.json`, as Firebase's tools and Terraform read it. */
const orderSchema = z.enum(["ASCENDING", "DESCENDING"]);
const scopeSchema = z.enum(["COLLECTION", "COLLECTION_GROUP"]);
const indexFieldSchema = z.union([
  z.strictObject({ fieldPath: z.string(), order: orderSchema }),
  z.strictObject({ fieldPath: z.string(), arrayConfig: z.literal("CONTAINS") }),
]);
export const indexFileSchema = z.strictObject({
  indexes: z.array(
    z.strictObject({ collectionGroup: z.string(), queryScope: scopeSchema, fields: z.array(indexFieldSchema).min(2) }),
  ),
  fieldOverrides: z.array(
    z.strictObject({
      collectionGroup: z.string(),
      fieldPath: z.string(),
      ttl: z.literal(true).optional(),
      indexes: z.array(z.strictObject({ queryScope: scopeSchema, order: orderSchema })),
    }),
  ),
});
export type IndexFile = z.infer<typeof indexFileSchema>;

const fieldFilterSchema = z.object({ field: z.object({ fieldPath: z.string() }), op: z.string() });
const whereSchema = z.union([
  z.object({ fieldFilter: fieldFilterSchema }).transform(({ fieldFilter }) => [fieldFilter]),
  z
    .object({ compositeFilter: z.object({ filters: z.array(z.object({ fieldFilter: fieldFilterSchema })) }) })
    .transform(({ compositeFilter }) => compositeFilter.filters.map(({ fieldFilter }) => fieldFilter)),
]);
/** A query as it goes over the wire (google.firestore.v1.StructuredQuery), as far as its index depends on it. */
export const querySchema = z.object({
  from: z.tuple([z.object({ collectionId: z.string(), allDescendants: z.boolean().optional() })]),
  where: whereSchema.optional(),
  orderBy: z
    .array(z.object({ field: z.object({ fieldPath: z.string() }), direction: orderSchema.default("ASCENDING") }))
    .default([]),
});
export type WireQuery = z.infer<typeof querySchema>;

const EQUALITIES = new Set(["EQUAL", "IN", "ARRAY_CONTAINS"]);

/**
 * Why Firestore would refuse the query, or undefined. An index serves it when it is of the same collection and scope, begins with
 * fields that the query compares for equality and ends in the query's order; several that end alike are merged, and must
 * together have every field compared. https://firebase.google.com/docs/firestore/query-data/index-overview
 */
export function lackOf(file: IndexFile, query: WireQuery): string | undefined {
  const [{ collectionId, allDescendants }] = query.from;
  const scope = allDescendants === true ? "COLLECTION_GROUP" : "COLLECTION";
  const filters = query.where ?? [];
  const equal = new Map(
    filters.flatMap(({ field, op }) => (EQUALITIES.has(op) ? [[field.fieldPath, op] as const] : [])),
  );
  const ranged = filters.filter(({ op }) => !EQUALITIES.has(op)).map(({ field }) => field.fieldPath);
  const order = query.orderBy
    .filter(({ field }) => field.fieldPath !== "__name__")
    .map(({ field, direction }) => ({ fieldPath: field.fieldPath, order: direction }));
  if (ranged.some((fieldPath) => fieldPath !== order[0]?.fieldPath)) return "a range that is not its order";

  const [only, ...more] = [...equal.keys(), ...order.map(({ fieldPath }) => fieldPath)];
  if (only !== undefined && more.length === 0) {
    const override = file.fieldOverrides.find(
      (each) => each.collectionGroup === collectionId && each.fieldPath === only,
    );
    const direction = order[0]?.order ?? "ASCENDING";
    const has =
      override === undefined
        ? scope === "COLLECTION"
        : override.indexes.some((index) => index.queryScope === scope && index.order === direction);
    return has ? undefined : `an index of ${collectionId}.${only} for ${scope}`;
  }

  const covered = new Set<string>();
  for (const index of file.indexes) {
    if (index.collectionGroup !== collectionId || index.queryScope !== scope) continue;
    const prefix = index.fields.slice(0, index.fields.length - order.length);
    const suffix = index.fields.slice(prefix.length);
    const compares = prefix.every(
      (field) =>
        equal.has(field.fieldPath) && (equal.get(field.fieldPath) === "ARRAY_CONTAINS") === "arrayConfig" in field,
    );
    const sorts = suffix.every(
      (field, n) => "order" in field && field.fieldPath === order[n]?.fieldPath && field.order === order[n].order,
    );
    if (compares && sorts) for (const { fieldPath } of prefix) covered.add(fieldPath);
  }
  const missing = [...equal.keys()].filter((fieldPath) => !covered.has(fieldPath));
  return missing.length === 0 ? undefined : `an index of ${collectionId} with ${missing.join(" and ")}`;
}

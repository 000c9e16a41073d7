import * as z from "zod";

import { differenceOf, type Policy } from "./deployment.ts";

const indexForm = z.object({
  collection: z.string(),
  query_scope: z.string(),
  fields: z.array(
    z.object({ field_path: z.string(), order: z.string().nullish(), array_config: z.string().nullish() }),
  ),
});
const fieldForm = z.object({
  collection: z.string(),
  field: z.string(),
  ttl_config: z.array(z.unknown()),
  index_config: z.array(
    z.object({ indexes: z.array(z.object({ order: z.string().nullish(), query_scope: z.string().nullish() })) }),
  ),
});

/** Firestore has the indexes, exemptions and times to live of the one file that says them. */
export const indexesAreTheFile: Policy = ({ state, indexes: { indexes, fieldOverrides } }) => {
  const foundIndexes = state.all("google_firestore_index", indexForm).map(({ collection, query_scope, fields }) =>
    told(
      collection,
      query_scope,
      fields.map((field) => `${field.field_path} ${field.order ?? field.array_config ?? ""}`),
    ),
  );
  const foundFields = state
    .all("google_firestore_field", fieldForm)
    .map(({ collection, field, ttl_config, index_config }) =>
      told(
        `${collection}.${field}`,
        ttl_config.length > 0 ? "with a time to live" : "",
        (index_config[0]?.indexes ?? [{ order: "all of Firestore's own" }]).map((index) =>
          [index.order, "query_scope" in index ? index.query_scope : ""].join(" "),
        ),
      ),
    );
  return [
    ...differenceOf(
      "indexes",
      foundIndexes,
      indexes.map(({ collectionGroup, queryScope, fields }) =>
        told(
          collectionGroup,
          queryScope,
          fields.map((field) => `${field.fieldPath} ${field.order ?? field.arrayConfig ?? ""}`),
        ),
      ),
    ),
    ...differenceOf(
      "fields",
      foundFields,
      fieldOverrides.map(({ collectionGroup, fieldPath, ttl, indexes: own }) =>
        told(
          `${collectionGroup}.${fieldPath}`,
          ttl === true ? "with a time to live" : "",
          own.map((index) => [index.order, index.queryScope].join(" ")),
        ),
      ),
    ),
  ];
};

function told(...parts: readonly (string | readonly string[])[]): string {
  return parts.map((part) => (typeof part === "string" ? part : part.join(", "))).join(" | ");
}

import * as z from "zod";

import type { IntentDefinition } from "../sagas/intent-definition.ts";

/** Where the schemas of one version of an intent are served. */
export function schemaPath({ type, version }: Pick<IntentDefinition, "type" | "version">): string {
  return `/schemas/${type}.${version}.json`;
}

/**
 * What an intent takes, returns and emits, as one JSON Schema (draft 2020-12) with a definition for each: `#/$defs/input` before
 * defaults, `#/$defs/output`, `#/$defs/event.<type>`. The checks of zod that JSON Schema cannot say are the runtime's alone.
 */
export function intentSchemas(definition: IntentDefinition) {
  const { type, version, description, input, output, events } = definition;
  const emitted = Object.entries(events).map(([name, data]) => [`event.${name}`, bare(z.toJSONSchema(data))] as const);
  return {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    $id: schemaPath(definition),
    title: `${type} version ${version}`,
    description,
    $defs: {
      input: bare(z.toJSONSchema(input, { io: "input" })),
      output: bare(z.toJSONSchema(output)),
      ...Object.fromEntries(emitted),
    },
  };
}

/** A schema as a part of a document, which says itself which dialect it is in. */
export function bare(schema: object): Readonly<Record<string, unknown>> {
  const { $schema: _, ...rest } = schema as Readonly<Record<string, unknown>>;
  return rest;
}

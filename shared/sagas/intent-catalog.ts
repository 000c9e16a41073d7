import { RuntimeError } from "../errors.ts";
import type { IntentDefinition } from "./intent-definition.ts";

/** Every intent type of this build. */
export interface IntentCatalog {
  readonly definitions: readonly IntentDefinition[];
  /** By `<realm>.<intent>`, or by `<intent>` alone, which is unique too. */
  find(type: string): IntentDefinition | undefined;
}

/** Throws `catalog.duplicate` when two intents share a name: SPEC names intents with and without their realm. */
export function createIntentCatalog(definitions: readonly IntentDefinition[]): IntentCatalog {
  const byName = new Map<string, IntentDefinition>();
  for (const definition of definitions) {
    for (const name of [definition.type, definition.name]) {
      if (byName.has(name)) throw new RuntimeError("catalog.duplicate", `Two intents are named ${name}.`);
      byName.set(name, definition);
    }
  }
  return { definitions, find: (type) => byName.get(type) };
}

import { RuntimeError } from "../errors.ts";
import type { IntentDefinition } from "./intent-definition.ts";

/** Every intent type of this build. */
export interface IntentCatalog {
  /** Whether a type that is not here is nowhere: not so in a function, which has its own intent and what that calls. */
  readonly complete: boolean;
  /** The newest version of each type. */
  readonly definitions: readonly IntentDefinition[];
  /** The newest version, by `<realm>.<intent>`, or by `<intent>` alone, which is unique too. */
  find(type: string): IntentDefinition | undefined;
  /** One version of a type: older ones stay in the catalog while executions of theirs are under way. */
  version(type: string, version: number): IntentDefinition | undefined;
}

/**
 * Throws `catalog.duplicate` when two intents share a name, `catalog.unknown_child` and `catalog.child_cycle` when a plan calls
 * what is not there or, over any number of children, itself, and `catalog.limited_child` when it calls what may be refused.
 */
export function createIntentCatalog(all: readonly IntentDefinition[], complete = true): IntentCatalog {
  const versions = new Map<string, IntentDefinition>();
  const newest = new Map<string, IntentDefinition>();
  for (const definition of all) {
    const key = versionKey(definition.type, definition.version);
    if (versions.has(key))
      throw new RuntimeError(
        "catalog.duplicate",
        `Two intents are named ${definition.type} version ${definition.version}.`,
      );
    versions.set(key, definition);
    const known = newest.get(definition.type);
    if (known === undefined || known.version < definition.version) newest.set(definition.type, definition);
  }
  const byName = new Map(newest);
  for (const definition of newest.values()) {
    const other = byName.get(definition.name);
    if (other !== undefined) {
      throw new RuntimeError(
        "catalog.duplicate",
        `${definition.type} and ${other.type} are both named ${definition.name}.`,
      );
    }
    byName.set(definition.name, definition);
  }
  // Older versions too: what is under way of theirs calls all the same.
  for (const definition of versions.values()) checkCalls(definition, newest);
  for (const definition of newest.values()) checkCircle(definition, newest, []);
  return {
    complete,
    definitions: [...newest.values()],
    find: (type) => byName.get(type),
    version: (type, version) => versions.get(versionKey(type, version)),
  };
}

function checkCalls({ type, version, plan }: IntentDefinition, known: ReadonlyMap<string, IntentDefinition>): void {
  for (const node of plan.nodes) {
    if (node.kind !== "call") continue;
    const child = known.get(node.intentType);
    if (child === undefined) {
      throw new RuntimeError(
        "catalog.unknown_child",
        `${type} version ${version} calls ${node.intentType}, which the catalog does not have; add it.`,
      );
    }
    if (child.concurrency !== undefined) {
      throw new RuntimeError(
        "catalog.limited_child",
        `${type} version ${version} calls ${child.type}, which limits how many run at a time: a child cannot be refused. Let its caller submit it.`,
      );
    }
  }
}

function checkCircle(
  { type, plan }: IntentDefinition,
  known: ReadonlyMap<string, IntentDefinition>,
  path: readonly string[],
): void {
  const here = [...path, type];
  if (path.includes(type)) {
    throw new RuntimeError(
      "catalog.child_cycle",
      `An intent would call itself: ${here.join(" → ")}. Break the circle.`,
    );
  }
  for (const node of plan.nodes) {
    const child = node.kind === "call" ? known.get(node.intentType) : undefined;
    if (child !== undefined) checkCircle(child, known, here);
  }
}

function versionKey(type: string, version: number): string {
  return `${type}@${version}`;
}

import type { Database } from "arangojs";

import { type DataOwner, type DataScope, scopeOf } from "../../../shared/data-classification.ts";
import { effectRefused } from "../../../shared/errors.ts";
import { type TenantId, trustedTenantId } from "../../../shared/ids.ts";
import { sha256 } from "../../../shared/json.ts";
import { GRAPH_COLLECTIONS, type GraphCollection } from "../../../shared/ports/graph-schema.ts";
import {
  checkWrites,
  type GraphStates,
  stateOf,
  withoutEffect,
  withState,
} from "../../../shared/ports/graph-states.ts";
import type { GraphOutcome, GraphStore, GraphWrite } from "../../../shared/ports/graph-store.ts";
import { answered, ARANGO, errorNumber } from "./connection.ts";
import { type ArangoDocument, arangoDocument, arangoKey, documentOf, EFFECTS, statesOf } from "./places.ts";
import { expectAll, Instead, type Step, transact, type TransactDeps } from "./transact.ts";

type Spot = readonly [GraphCollection, string];
interface EffectDocument {
  readonly _key: string;
  readonly tenant_id: string;
  readonly effect: string;
  readonly state: "applied" | "undone" | "buried";
  /** When it became a tombstone. */
  readonly ended_ms?: number;
  /** What each part wrote, by collection and ArangoDB's key. */
  readonly parts: Readonly<Record<string, readonly Spot[]>>;
}
/** What a document becomes; undefined where it goes. */
type Changes = Map<string, ArangoDocument | undefined>;

/**
 * Writes and their undo, each one stream transaction (GS1 to GS3). The effect's document is written first: of two that come at the
 * same time, be they writes or an undo, one waits for the other there, or begins anew.
 */
export function createArangoEffects(database: Database, deps: TransactDeps): Pick<GraphStore, "write" | "undo"> {
  const effects = database.collection<EffectDocument>(EFFECTS);

  /** The effect as it stands, or undefined when this insert is its beginning. */
  const begin = async (step: Step, effect: EffectDocument): Promise<EffectDocument | undefined> => {
    try {
      await step(() => effects.save(effect));
      return undefined;
    } catch (error) {
      if (errorNumber(error) !== ARANGO.uniqueViolated) throw error;
      return step(() => effects.document(effect._key));
    }
  };

  const read = async (step: Step, collection: GraphCollection, keys: readonly string[]) => {
    const found = await step(() => database.collection<ArangoDocument>(collection).documents([...keys]));
    expectAll(found, [ARANGO.documentNotFound]);
    return new Map(found.filter((each) => !("errorNum" in each)).map((each) => [each._key, each as ArangoDocument]));
  };

  const change = async (step: Step, collection: GraphCollection, changes: Changes): Promise<void> => {
    const documents = [...changes.values()].filter((each) => each !== undefined);
    const gone = [...changes].filter(([, document]) => document === undefined).map(([key]) => key);
    const target = database.collection(collection);
    if (documents.length > 0) expectAll(await step(() => target.saveAll(documents, { overwriteMode: "replace" })));
    if (gone.length > 0) expectAll(await step(() => target.removeAll(gone)), [ARANGO.documentNotFound]);
  };

  const apply = async (
    step: Step,
    owner: DataOwner,
    effectKey: string,
    [collection, writes]: readonly [GraphCollection, readonly GraphWrite[]],
  ): Promise<GraphOutcome | undefined> => {
    const scope = scopeOf(owner);
    const known = await read(step, collection, [...new Set(writes.map(({ key }) => arangoKey(scope, key)))]);
    const states = new Map<string, GraphStates | undefined>();
    for (const write of writes) {
      const before = known.get(arangoKey(scope, write.key));
      if (!isAsSeen(write, before)) return { outcome: "conflict", collection, key: write.key };
      const next = stateOf(write, effectKey);
      const now = states.has(write.key) ? states.get(write.key) : before && statesOf(before);
      states.set(write.key, next === undefined ? undefined : withState(now, next));
    }
    const changes: Changes = new Map();
    for (const [key, some] of states) {
      changes.set(arangoKey(scope, key), some === undefined ? undefined : arangoDocument(owner, scope, key, some));
    }
    await change(step, collection, changes);
    return undefined;
  };

  return {
    write: async (owner, { key, part }, writes) => {
      checkWrites({ key, part }, writes);
      const scope = scopeOf(owner);
      const spots = writes
        .filter(({ kind }) => kind !== "remove")
        .map((write): Spot => [collectionOf(write), arangoKey(scope, write.key)]);
      const fresh: EffectDocument = { ...effectOf(owner.tenantId, key), state: "applied", parts: { [part]: spots } };
      const groups = [...Map.groupBy(writes, collectionOf)];
      return answered(
        transact<GraphOutcome>(database, deps, [EFFECTS, ...groups.map(([name]) => name)], async (step) => {
          const known = await begin(step, fresh);
          if (known !== undefined) {
            if (known.state !== "applied") throw effectRefused(key);
            if (Object.hasOwn(known.parts, part)) return new Instead({ outcome: "applied_before" });
            const { _key, tenant_id, effect, state, parts } = known;
            const more = { _key, tenant_id, effect, state, parts: { ...parts, [part]: spots } };
            await step(() => effects.replace(_key, more));
          }
          for (const group of groups) {
            const conflict = await apply(step, owner, key, group);
            if (conflict !== undefined) return new Instead(conflict);
          }
          return { outcome: "applied" };
        }),
      );
    },

    undo: async (tenantId, effectKey, atMs) =>
      answered(
        transact<"undone" | "buried">(database, deps, [EFFECTS, ...GRAPH_COLLECTIONS], async (step) => {
          const tombstone: EffectDocument = {
            ...effectOf(tenantId, effectKey),
            state: "buried",
            ended_ms: atMs,
            parts: {},
          };
          const known = await begin(step, tombstone);
          if (known === undefined) return "buried";
          if (known.state !== "applied") return new Instead<"undone" | "buried">(known.state);
          await step(() => effects.replace(known._key, { ...tombstone, state: "undone" }));
          const spots = Map.groupBy(Object.values(known.parts).flat(), ([collection]) => collection);
          for (const [collection, some] of spots) {
            const found = await read(step, collection, [...new Set(some.map(([, key]) => key))]);
            await change(step, collection, withoutEffectIn(found, effectKey));
          }
          return "undone";
        }),
      ),
  };
}

function effectOf(tenantId: TenantId, effect: string): Pick<EffectDocument, "_key" | "tenant_id" | "effect"> {
  return { _key: sha256(JSON.stringify([tenantId, effect])), tenant_id: tenantId, effect };
}

function collectionOf(write: GraphWrite): GraphCollection {
  return write.kind === "embed" ? "structured_embeddings" : write.collection;
}

function isAsSeen(write: GraphWrite, before: ArangoDocument | undefined): boolean {
  if (write.kind === "remove" || write.kind === "embed" || write.expected === undefined) return true;
  return before?._rev === (write.expected === "absent" ? undefined : write.expected.revision);
}

function withoutEffectIn(documents: ReadonlyMap<string, ArangoDocument>, effectKey: string): Changes {
  const changes: Changes = new Map();
  for (const [arangoKeyOf, document] of documents) {
    const states = statesOf(document);
    const left = withoutEffect(states, effectKey);
    if (left?.length === states.length) continue;
    const owner = { dataClassification: document.data_classification, tenantId: trustedTenantId(document.tenant_id) };
    const scope: DataScope = scopeOf(owner);
    changes.set(arangoKeyOf, left && arangoDocument(owner, scope, documentOf(document).key, left));
  }
  return changes;
}

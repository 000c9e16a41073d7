import type { Database } from "arangojs";

import {
  EDGE_COLLECTIONS,
  GRAPH_COLLECTIONS,
  type GraphCollection,
  indexedFields,
} from "../../../shared/ports/graph-schema.ts";
import { answered, ARANGO, errorNumber } from "./connection.ts";
import { EFFECTS } from "./places.ts";

/** Tombstones are found by their age. */
const TOMBSTONES = [["tenant_id", "ended_ms"]] as const;

/** Makes the database, its collections and their indexes where they are missing; several may do so at once. */
export async function setUpArango(system: Database, database: Database): Promise<readonly string[]> {
  const made: string[] = [];
  const make = async (name: string, making: () => Promise<unknown>): Promise<void> => {
    try {
      await making();
      made.push(name);
    } catch (error) {
      if (errorNumber(error) !== ARANGO.duplicateName) throw error;
    }
  };
  await answered(
    (async () => {
      if (!(await database.exists())) await make(database.name, () => system.createDatabase(database.name));
      const there = new Set((await database.listCollections()).map(({ name }) => name));
      for (const name of [...GRAPH_COLLECTIONS, EFFECTS]) {
        if (there.has(name)) continue;
        const isEdge = Object.hasOwn(EDGE_COLLECTIONS, name);
        await make(name, () => (isEdge ? database.createEdgeCollection(name) : database.createCollection(name)));
      }
      for (const collection of [...GRAPH_COLLECTIONS, EFFECTS] as const) {
        for (const fields of collection === EFFECTS ? TOMBSTONES : indexesOf(collection)) {
          const name = `by_${fields.join("_and_")}`;
          const index = await database
            .collection(collection)
            .ensureIndex({ type: "persistent", fields: [...fields], name });
          if (index.isNewlyCreated) made.push(`${collection}.${name}`);
        }
      }
    })(),
  );
  return made;
}

function indexesOf(collection: GraphCollection): readonly (readonly string[])[] {
  const fields = indexedFields(collection).map((field) => [field]);
  return [["data_classification"], ["tenant_id"], ["data_classification", "tenant_id"], ...fields];
}

import type { ObjectStore } from "../../../shared/ports/object-store.ts";
import type { TableEngine } from "../../../shared/ports/table-engine.ts";
import { createQueryWorkers } from "./query-workers.ts";
import { jsonLineRows, parquetRows } from "./row-reader.ts";
import { createTableFiles, type HeldFile } from "./table-files.ts";

/**
 * Tables by DuckDB: objects are copied to a private folder, verified, and queried in a process of their own, which starts with
 * the first query. Rows are streamed here, without DuckDB.
 */
export function createDuckdbTableEngine(objects: Pick<ObjectStore, "read">): TableEngine {
  const files = createTableFiles(objects);
  const workers = createQueryWorkers();

  return {
    query: async ({ tenantId, sql, tables, maxRows, maxBytes, timeoutMs, signal }) => {
      await using held = new AsyncDisposableStack();
      const named = await Promise.all(
        Object.entries(tables).map(async ([name, table]) => {
          const { file }: HeldFile = held.use(await files.hold(table));
          return { name, file, format: table.format };
        }),
      );
      const order = { sql, tables: named, maxRows, maxBytes };
      return await workers.run({ tenantId, order, timeoutMs, signal });
    },

    rows: async function* rows(table) {
      await using held = await files.hold(table);
      yield* table.format === "parquet" ? parquetRows(held.file) : jsonLineRows(held.file);
    },

    ping: () => files.ping(),

    close: async () => {
      workers.close();
      await files.close();
    },
  };
}

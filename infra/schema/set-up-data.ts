import type { Config } from "../../shared/config.ts";

/** What was done to a store, a line for each thing; empty when all was there. */
export interface StoreSetup {
  readonly store: string;
  readonly done: readonly string[];
}

/**
 * Sets up each store of the data plane that needs it, by the configuration's choice; what is there already stays as it is.
 * Embedded stores make their own tables when they are opened. Throws `migration.*`, and whatever an unreachable store says.
 */
export async function setUpData(config: Config): Promise<readonly StoreSetup[]> {
  return [await setUpRecords(config)];
}

async function setUpRecords({ records }: Config): Promise<StoreSetup> {
  switch (records.kind) {
    case "none":
      return { store: "records, which are not configured", done: [] };
    case "sqlite":
      return { store: "records in SQLite", done: [] };
    case "postgres": {
      const { migratePostgres } = await import("./migrate-postgres.ts");
      const { applied } = await migratePostgres(records.url);
      return { store: "records in Postgres", done: applied.map((name) => `applied ${name}`) };
    }
  }
}

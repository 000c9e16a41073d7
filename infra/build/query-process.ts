import type { Plugin } from "esbuild";

/** The file beside a bundle that DuckDB's process imports, and nothing else with it. */
export const QUERY_PROCESS = { source: "infra/adapters/duckdb/query-process.ts", name: "query-process" } as const;

/** Tells a bundle where that is: its own file is for the process that sends the queries. */
export const queryProcess: Plugin = {
  name: "query-process",
  setup: (building) => {
    building.onLoad({ filter: /adapters[\\/]duckdb[\\/]query-process\.ts$/ }, () => ({
      contents: `export const moduleUrl = new URL("${QUERY_PROCESS.name}.cjs", import.meta.url).href;
        export function serveQueries() {}`,
    }));
  },
};

import type { Plugin } from "esbuild";

/** Modules that are imported in a process or a thread of their own, by what they export: bundles of their own, since nothing else belongs there. */
export const STARTED_APART = [
  { source: "infra/adapters/duckdb/query-process.ts", name: "query-process", serve: "serveQueries" },
  { source: "functions/content/parsing/pdf-thread.ts", name: "pdf-thread", serve: "servePages" },
] as const;

/** Tells a bundle where these lie beside it: in it are the ones who start them. */
export const startedApart: Plugin = {
  name: "started-apart",
  setup: (building) => {
    for (const { source, name, serve } of STARTED_APART) {
      const filter = new RegExp(`${source.replaceAll("/", "[\\\\/]").replaceAll(".", "\\.")}$`);
      building.onLoad({ filter }, () => ({
        contents: `export const moduleUrl = new URL("${name}.cjs", import.meta.url).href;
          export function ${serve}() {}`,
      }));
    }
  },
};

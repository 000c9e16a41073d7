import { fileURLToPath } from "node:url";

import { answersGet, type Part, startPart } from "./part.ts";

export interface ArangoStandin extends Part {
  readonly url: string;
}

/**
 * A stand-in of ArangoDB for machines that cannot have arangod: its HTTP protocol as far as this project's adapter speaks it, with real
 * documents, edges, indexes and transactions, and the adapter's own named queries; it reads no AQL. Everything is in its memory and
 * goes with it. What it lets pass ArangoDB may refuse: the conformance suite runs against a real server where ARANGO_URL is set.
 */
export async function startArangoStandin({ port }: { readonly port?: number } = {}): Promise<ArangoStandin> {
  const script = fileURLToPath(new URL("./arango-standin-process.ts", import.meta.url));
  const part = await startPart({
    name: "arango-standin",
    program: process.execPath,
    args: (chosen) => [script, String(chosen)],
    port,
    isReady: answersGet,
  });
  return { ...part, url: `http://${part.host}:${part.port}` };
}

import { join } from "node:path";

import { createLexicalModels } from "../../infra/adapters/models/lexical.ts";
import { createSqliteGraphStore } from "../../infra/adapters/sqlite/graph-store.ts";
import { trustedTenantId } from "../../shared/ids.ts";
import type { GraphStore, GraphWrite } from "../../shared/ports/graph-store.ts";
import { processContent } from "../../shared/semantic/process-content.ts";
import { milliseconds } from "./figures.ts";
import type { Bench, Outcome } from "./part.ts";
import { median } from "./statistics.ts";

const MODEL = "lexical-256-v1";
const owner = { dataClassification: "client", tenantId: trustedTenantId("bench") } as const;
const models = createLexicalModels();

/** Part: a search among few and among many embeddings of a tenant, in turns; and what the meaning of a column costs. */
export async function semanticPart({ directory, quick, say }: Bench): Promise<Outcome> {
  const sizes = [1_000, 10_000] as const;
  const stores: GraphStore[] = [];
  try {
    for (const size of sizes) stores.push(await filled(join(directory, `semantic-${size}.db`), size, say));
    const [query = new Float32Array()] = (await models.generateEmbeddings(["price of an order"])).vectors;
    const times: number[][] = stores.map(() => []);
    for (let round = 0; round < (quick ? 20 : 200); round += 1) {
      for (const [index, store] of stores.entries()) {
        const startedMs = performance.now();
        await store.nearest(owner, { vector: query, embeddingModel: MODEL, limit: 10 });
        times[index]?.push(performance.now() - startedMs);
      }
    }
    const [few = 0, many = 0] = times.map((each) => median(each));
    const column = await columnMs(quick ? 100 : 1_000);
    return {
      rows: [
        {
          figure: "search by meaning, p50, at 10,000 embeddings of a tenant, SQLite",
          measured: milliseconds(many),
          beside: `${milliseconds(few)} at 1,000`,
          ratio: many / few,
        },
        { figure: "three lexical embeddings of a column, without storing them", measured: milliseconds(column) },
      ],
      figures: { fewMs: few, manyMs: many, columnMs: column },
    };
  } finally {
    await Promise.all(stores.map((store) => store.close()));
  }
}

async function filled(path: string, size: number, say: Bench["say"]): Promise<GraphStore> {
  const store = createSqliteGraphStore(path);
  const texts = Array.from({ length: size }, (_, n) => `column ${n % 97} of table ${n % 13} number ${n}`);
  const { vectors } = await models.generateEmbeddings(texts);
  for (let start = 0; start < size; start += 1_000) {
    const writes = vectors.slice(start, start + 1_000).map((vector, n): GraphWrite => ({
      kind: "embed",
      key: `e${start + n}`,
      fields: { embedding_model: MODEL, embedding_kind: "meaning", file_id: "f", text: texts[start + n] ?? "" },
      vector,
    }));
    await store.write(owner, { key: "bench/fill", part: `p${start}` }, writes);
  }
  say(`${size} embeddings are there`);
  return store;
}

/** Milliseconds for each column of a table of 100 rows. */
async function columnMs(columns: number): Promise<number> {
  const names = Array.from({ length: columns }, (_, n) => ({ name: `field_${n}`, type: "string" }));
  const row = Object.fromEntries(names.map(({ name }, n) => [name, `value ${n}`]));
  async function* rows() {
    for (let n = 0; n < 100; n += 1) yield await Promise.resolve(row);
  }
  const startedMs = performance.now();
  const items = processContent(models, {
    semanticId: "bench",
    contentType: "structured",
    columns: names,
    name: "bench.csv",
    rows: rows(),
    signal: new AbortController().signal,
    focus: {},
  });
  for await (const item of items) if (item.kind !== "embedding") break;
  return (performance.now() - startedMs) / columns;
}

import { QUERIES, type QueryName, queryFor } from "../../adapters/arango/queries.ts";
import { trustedTenantId } from "../../../shared/ids.ts";
import { ArangoFault, type StandinData, type StandinDocument, type View } from "./arango-standin-data.ts";

type Bind = Readonly<Record<string, unknown>>;
type Answer = (documents: Documents, bind: Bind) => readonly unknown[];
interface Documents {
  /** Those of the bound collection that the query's scope shows. */
  readonly shown: readonly StandinDocument[];
  /** All of the bound collection. */
  readonly every: readonly StandinDocument[];
  /** Those of another collection. */
  readonly of: (collection: string) => readonly StandinDocument[];
  readonly remove: (documents: readonly StandinDocument[]) => void;
}

/** Each named query, done by hand over the documents that its scope shows. */
const ANSWERS: Readonly<Record<QueryName, Answer>> = {
  list: ({ shown }, bind) =>
    paged(
      shown.filter(({ _key }) => _key < String(bind["end"])),
      bind,
    ),
  list_by_field: ({ shown }, bind) =>
    paged(
      shown.filter((each) => each[String(bind["field"])] === bind["value"]),
      bind,
    ),
  edges_out: ({ shown }, bind) =>
    paged(
      shown.filter((edge) => edge["_from"] === bind["vertex"]),
      bind,
    ),
  edges_in: ({ shown }, bind) =>
    paged(
      shown.filter((edge) => edge["_to"] === bind["vertex"]),
      bind,
    ),
  edges_both: ({ shown }, bind) =>
    paged(
      shown.filter((edge) => [edge["_from"], edge["_to"]].includes(bind["vertex"])),
      bind,
    ),
  edges_between: ({ shown }, bind) => {
    const vertices = new Set(bind["vertices"] as string[]);
    const between = shown.filter((edge) => [edge["_from"], edge["_to"]].every((end) => vertices.has(String(end))));
    return paged(between, { ...bind, after: "" });
  },
  walk_out: ({ shown }, bind) => walk(shown, bind, ["out"]),
  walk_in: ({ shown }, bind) => walk(shown, bind, ["in"]),
  walk_both: ({ shown }, bind) => walk(shown, bind, ["out", "in"]),
  nearest: ({ of }, { model, kind, file, most, limit, vector }) => {
    const scored = of("structured_embeddings")
      .filter((each) => each["embedding_model"] === model)
      .filter((each) => kind === null || each["embedding_kind"] === kind)
      .filter((each) => file === null || each["file_id"] === file)
      .slice(0, Number(most))
      .map((document) => ({ document, score: cosine(document["vector"] as number[], vector as number[]) }));
    const best = scored
      .toSorted((a, b) => b.score - a.score || (a.document._key < b.document._key ? -1 : 1))
      .slice(0, Number(limit))
      .map(({ document, score }) => ({ score, document: bare(document) }));
    return [{ compared: scored.length, best }];
  },
  forget_by_file: ({ shown, remove }, { file }) =>
    removed(
      shown.filter((each) => each["file_id"] === file),
      remove,
    ),
  drop_tombstones: ({ every, remove }, { owner, before, limit }) =>
    removed(
      every
        .filter((each) => each["tenant_id"] === owner && Number(each["ended_ms"] ?? Infinity) < Number(before))
        .slice(0, Number(limit)),
      remove,
    ),
  forget_edges_of: ({ shown, remove }, bind) => {
    const vertices = new Set(bind["vertices"] as string[]);
    const theirs = shown.filter((edge) => [edge["_from"], edge["_to"]].some((end) => vertices.has(String(end))));
    return removed(theirs, remove);
  },
};

const SCOPES = [
  { dataClassification: "client", tenantId: trustedTenantId("") },
  { dataClassification: "platform" },
] as const;
const NAMES = new Map(
  (Object.keys(QUERIES) as QueryName[]).flatMap((name) =>
    SCOPES.map((scope) => [queryFor(name, scope).query, name] as const),
  ),
);

/** Answers a query that is known by its text; any other one is refused as AQL that cannot be read. */
export function answerQuery(data: StandinData, view: View, query: string, bind: Bind): readonly unknown[] {
  const name = NAMES.get(query);
  if (name === undefined) throw new ArangoFault(400, 1501, "the stand-in knows no such query");
  const all = (collection: string) => data.all(view, data.collection(collection)).filter((each) => isShown(each, bind));
  const { "@collection": collection = "structured_embeddings" } = bind as { readonly "@collection"?: string };
  return ANSWERS[name](
    {
      shown: all(collection),
      every: data.all(view, data.collection(collection)),
      of: all,
      remove: (documents) => documents.forEach(({ _key }) => data.remove(view, data.collection(collection), _key)),
    },
    bind,
  );
}

/** A query of a client's scope binds its tenant; one of the platform's does not. */
function isShown(document: StandinDocument, { tenant }: Bind): boolean {
  return tenant === undefined
    ? document["data_classification"] === "platform"
    : document["data_classification"] === "client" && document["tenant_id"] === tenant;
}

function paged(documents: readonly StandinDocument[], { after, limit }: Bind): readonly unknown[] {
  return documents
    .filter(({ _key }) => _key > String(after))
    .slice(0, Number(limit))
    .map(bare);
}

function bare(document: StandinDocument): object {
  return Object.fromEntries(Object.entries(document).filter(([name]) => name !== "vector" && name !== "replaced"));
}

function removed(documents: readonly StandinDocument[], remove: Documents["remove"]): readonly unknown[] {
  remove(documents);
  return documents.map(({ _id }) => _id);
}

/** Breadth first, each vertex once; a row for the edge by which it was reached. */
function walk(
  edges: readonly StandinDocument[],
  bind: Bind,
  directions: readonly ("in" | "out")[],
): readonly unknown[] {
  const ways = edges.flatMap((edge) => {
    const [from, to] = [String(edge["_from"]), String(edge["_to"])];
    return directions.map((direction) => ({
      from,
      to,
      here: direction === "out" ? from : to,
      there: direction === "out" ? to : from,
    }));
  });
  const seen = new Set([String(bind["start"])]);
  const rows: unknown[] = [];
  let level = [...seen];
  for (let depth = 1; depth <= Number(bind["depth"]) && level.length > 0; depth += 1) {
    const next: string[] = [];
    for (const { from, to, there } of level.flatMap((vertex) => ways.filter((way) => way.here === vertex))) {
      if (seen.has(there)) continue;
      seen.add(there);
      next.push(there);
      rows.push({ from, to, depth });
    }
    level = next;
  }
  return rows.slice(0, Number(bind["limit"]));
}

function cosine(a: readonly number[], b: readonly number[]): number {
  const dot = a.reduce((sum, value, i) => sum + value * (b[i] ?? 0), 0);
  return dot / (Math.hypot(...a) * Math.hypot(...b)) || 0;
}

/**
 * The stand-in of ArangoDB as a process: <port>. Only what the project's client sends; everything else is 501.
 * Any user and password are let in, except the password "wrong".
 */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";

import { ArangoFault, StandinData, type StandinCollection, type View } from "./arango-standin-data.ts";
import { answerQuery } from "./arango-standin-queries.ts";

interface Asked {
  readonly method: string;
  readonly path: readonly string[];
  readonly query: URLSearchParams;
  readonly body: unknown;
  readonly trx: string | undefined;
  readonly ifMatch: string | undefined;
}
interface Answer {
  readonly status: number;
  readonly json: unknown;
}
type Body = Readonly<Record<string, unknown>>;

const ROUTES: Readonly<Record<string, (data: StandinData, asked: Asked, name: string) => Answer>> = {
  "GET version": () => ok({ server: "arango", license: "stand-in", version: "3.12.0" }),
  "GET database": (_data, _asked, name) => ok({ result: { name, id: name, path: "", isSystem: name === "_system" } }),
  "POST database": (_data, { body }) => {
    const wanted = String((body as Body)["name"]);
    if (databases.has(wanted)) throw new ArangoFault(409, 1207, "duplicate name");
    databases.set(wanted, new StandinData());
    return ok({ result: true }, 201);
  },
  "GET collection": (data) => ok({ result: [...data.collections.values()].map(describe) }),
  "POST collection": (data, { body }) => {
    const { name, type } = body as Body;
    return ok(describe(data.create(String(name), type === 3)));
  },
  "POST index": (data, { query, body }) => ensureIndex(data.collection(query.get("collection") ?? ""), body as Body),
  "POST transaction": (data) => ok({ result: { id: data.begin().id, status: "running" } }, 201),
  "PUT transaction": endTransaction,
  "DELETE transaction": endTransaction,
  "POST cursor": (data, asked) => {
    const { query, bindVars = {} } = asked.body as { query: string; bindVars?: Body };
    const result = within(data, asked, (view) => answerQuery(data, view, query, bindVars));
    return ok({ result, hasMore: false, cached: false, extra: { stats: {}, warnings: [] } }, 201);
  },
};
const databases = new Map<string, StandinData>([["_system", new StandinData()]]);
const port = Number(process.argv[2]);

const server = createServer((request, response) => {
  serve(request, response).catch((error: unknown) => {
    const fault = error instanceof ArangoFault ? error : new ArangoFault(500, 4, String(error));
    if (!(error instanceof ArangoFault)) console.error(error);
    send(response, { status: fault.status, json: problemOf(fault) });
  });
});
server.keepAliveTimeout = 60_000;
server.listen(port, "127.0.0.1");
process.once("SIGTERM", () => {
  server.close();
  server.closeAllConnections();
});

async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const url = new URL(request.url ?? "/", "http://standin");
  if (url.pathname === "/") return void response.end("ok");
  const [, , name = "", , ...path] = url.pathname.split("/").map(decodeURIComponent);
  const [, password = ""] = Buffer.from(String(request.headers.authorization).slice(6), "base64").toString().split(":");
  if (password === "wrong") throw new ArangoFault(401, 11, "not authorized to execute this request");
  let text = "";
  for await (const chunk of request) text += String(chunk);
  const asked: Asked = {
    method: request.method ?? "",
    path,
    query: url.searchParams,
    body: text === "" ? undefined : JSON.parse(text),
    trx: request.headers["x-arango-trx-id"]?.toString(),
    ifMatch: request.headers["if-match"],
  };
  send(response, answer(name, asked));
}

function answer(name: string, asked: Asked): Answer {
  const data = databases.get(name);
  if (data === undefined) throw new ArangoFault(404, 1228, "database not found");
  if (asked.path[0] === "document") return documents(data, asked);
  const route = ROUTES[`${asked.method} ${asked.path[0] ?? ""}`];
  if (route !== undefined) return route(data, asked, name);
  throw new ArangoFault(501, 9, `${asked.method} ${asked.path.join("/")} is not part of the stand-in`);
}

function endTransaction(data: StandinData, { method, path }: Asked): Answer {
  const [, id = ""] = path;
  const commits = method === "PUT";
  data.end(data.view(id), commits);
  return ok({ result: { id, status: commits ? "committed" : "aborted" } });
}

function documents(data: StandinData, asked: Asked): Answer {
  const { method, query, body } = asked;
  const [, name = "", key] = asked.path;
  const collection = data.collection(name);
  const overwrite = query.get("overwriteMode") === "replace";
  return within(data, asked, (view) => {
    if (key !== undefined) {
      const found = data.get(view, collection, key);
      if (found === undefined) throw new ArangoFault(404, 1202, "document not found");
      if (asked.ifMatch !== undefined && asked.ifMatch !== found._rev) throw new ArangoFault(412, 1200, "conflict");
      if (method === "GET") return ok(found);
      if (method === "PUT") return ok(data.put(view, collection, key, body as Body), 202);
      throw new ArangoFault(501, 9, `${method} of a document is not part of the stand-in`);
    }
    if (method === "POST" && !Array.isArray(body)) {
      return ok(data.insert(view, collection, body as Body, overwrite), 202);
    }
    const each = (work: (item: never) => unknown): Answer =>
      ok(
        (body as never[]).map((item) => orProblem(() => work(item))),
        202,
      );
    switch (method) {
      case "POST":
        return each((item: Body) => data.insert(view, collection, item, overwrite));
      case "PUT":
        return each((wanted: string) => {
          const found = data.get(view, collection, wanted);
          if (found === undefined) throw new ArangoFault(404, 1202, "document not found");
          return found;
        });
      case "DELETE":
        return each((wanted: string) => data.remove(view, collection, wanted));
      default:
        throw new ArangoFault(501, 9, `${method} of documents is not part of the stand-in`);
    }
  });
}

/** In the transaction that the request names, or in one of its own. */
function within<Result>(data: StandinData, { trx }: Asked, work: (view: View) => Result): Result {
  if (trx !== undefined) return work(data.view(trx));
  const view = data.begin();
  try {
    const result = work(view);
    data.end(view, true);
    return result;
  } catch (error) {
    data.end(view, false);
    throw error;
  }
}

function orProblem(work: () => unknown): unknown {
  try {
    return work();
  } catch (error) {
    if (error instanceof ArangoFault) return problemOf(error);
    throw error;
  }
}

function ensureIndex(collection: StandinCollection, { fields, name }: Body): Answer {
  const wanted = fields as string[];
  const known = collection.indexes.find((index) => index.fields.join() === wanted.join());
  if (known !== undefined) return ok({ ...known, type: "persistent", isNewlyCreated: false });
  const index = { id: `${collection.name}/${collection.indexes.length + 1}`, name: String(name), fields: wanted };
  collection.indexes.push(index);
  return ok({ ...index, type: "persistent", isNewlyCreated: true }, 201);
}

function describe({ name, isEdge }: StandinCollection): object {
  return { id: name, name, type: isEdge ? 3 : 2, status: 3, isSystem: false, globallyUniqueId: name };
}

function problemOf({ status, errorNum, message }: ArangoFault): object {
  return { error: true, code: status, errorNum, errorMessage: message };
}

function ok(json: object, status = 200): Answer {
  return { status, json };
}

function send(response: ServerResponse, { status, json }: Answer): void {
  const text = JSON.stringify(json);
  response
    .writeHead(status, { "content-type": "application/json", "content-length": Buffer.byteLength(text) })
    .end(text);
}

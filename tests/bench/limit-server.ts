import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";

import { createGroupCommit } from "../../infra/adapters/sqlite/group-commit.ts";

/**
 * The limit of any engine on this machine that commits four times for a saga of three steps: a bare server that for each
 * POST inserts one row of as many bytes in each of four transactions (synchronous=FULL), and does nothing else.
 * `/alone`: each transaction has its own flush. `/grouped`: transactions of one turn of the event loop share a flush.
 */
const COMMITS = 4;
const row = Buffer.alloc(Number(process.env["ROW_BYTES"] ?? 2_000), "x").toString();

const db = new DatabaseSync(join(process.env["DATA_DIR"] ?? ".", "limit.db"));
db.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA cache_size = -65536;");
db.exec("CREATE TABLE rows (no INTEGER PRIMARY KEY, body TEXT NOT NULL) STRICT");
const insert = db.prepare("INSERT INTO rows (body) VALUES (?)");
const group = createGroupCommit(db);

const routes: Readonly<Record<string, () => Promise<void>>> = {
  "/alone": () => {
    for (let commit = 0; commit < COMMITS; commit += 1) insert.run(row);
    return Promise.resolve();
  },
  "/grouped": async () => {
    for (let commit = 0; commit < COMMITS; commit += 1) await group.run(() => insert.run(row));
  },
};

const server = createServer((request, response) => {
  request.resume();
  request.once("end", () => {
    const route = routes[request.url ?? ""];
    if (route === undefined) {
      response.writeHead(404).end();
      return;
    }
    void route().then(() => response.writeHead(200, { "content-type": "application/json" }).end('{"done":true}'));
  });
});
server.listen(0, "127.0.0.1", () => console.log(`http://127.0.0.1:${(server.address() as AddressInfo).port}`));

process.once("SIGTERM", () => process.exit(0));

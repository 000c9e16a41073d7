import { mkdirSync } from "node:fs";
import { dirname } from "node:path";
import { DatabaseSync } from "node:sqlite";

import type { RateBuckets } from "../../../shared/ports/rate-buckets.ts";
import { type BucketState, drawTokens, type TokenGrant, type TokenRequest } from "../../../shared/token-bucket.ts";
import { storeError } from "./group-commit.ts";

const SCHEMA = `
CREATE TABLE IF NOT EXISTS buckets (
  key TEXT PRIMARY KEY,
  tokens REAL NOT NULL,
  at_ms REAL NOT NULL,
  expires_ms REAL NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS buckets_by_expiry ON buckets (expires_ms);
`;
/** After how many draws what expired is dropped. */
const PURGE_EVERY = 1_000;

/**
 * Buckets in a SQLite file of their own, which several processes may share, or in `:memory:`. Beside the executions' file, so that
 * a draw waits for no flush: after a loss of power (not of a process) draws of the last moments may be forgotten.
 */
export function createSqliteRateBuckets(path: string): RateBuckets {
  if (path !== ":memory:") mkdirSync(dirname(path), { recursive: true });
  const db = new DatabaseSync(path);
  db.exec("PRAGMA busy_timeout = 5000; PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;");
  db.exec(`BEGIN IMMEDIATE; ${SCHEMA} COMMIT;`);
  const find = db.prepare("SELECT tokens, at_ms FROM buckets WHERE key = ? AND expires_ms > ?");
  const put = db.prepare(
    `INSERT INTO buckets (key, tokens, at_ms, expires_ms) VALUES (?, ?, ?, ?)
     ON CONFLICT DO UPDATE SET tokens = excluded.tokens, at_ms = excluded.at_ms, expires_ms = excluded.expires_ms`,
  );
  const purge = db.prepare("DELETE FROM buckets WHERE expires_ms <= ?");
  let draws = 0;

  const draw = (key: string, request: TokenRequest): TokenGrant => {
    db.exec("BEGIN IMMEDIATE");
    try {
      const row = find.get(key, request.nowMs);
      const before: BucketState | undefined =
        row === undefined ? undefined : { tokens: Number(row["tokens"]), atMs: Number(row["at_ms"]) };
      const { after, grant } = drawTokens(before, request);
      put.run(key, after.tokens, after.atMs, after.atMs + request.keepMs);
      draws += 1;
      if (draws % PURGE_EVERY === 0) purge.run(request.nowMs);
      db.exec("COMMIT");
      return grant;
    } catch (error) {
      if (db.isTransaction) db.exec("ROLLBACK");
      throw error;
    }
  };

  return {
    take: async (key, request) => {
      try {
        return await Promise.resolve(draw(key, request));
      } catch (error) {
        throw storeError(error);
      }
    },
    close: () => {
      if (db.isOpen) db.close();
      return Promise.resolve();
    },
  };
}

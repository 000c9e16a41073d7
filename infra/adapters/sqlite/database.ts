import { mkdirSync } from "node:fs";
import { dirname } from "node:path";
import { DatabaseSync } from "node:sqlite";

import { RuntimeError } from "../../../shared/errors.ts";

/**
 * The tables. Executions are numbered as they come (`no`), and steps and log entries hang on that number: rows that are
 * written together lie together, whatever the random ids say, so a commit touches as few pages at 200,000 executions as at 1,000.
 * Each page that a commit touches is written and flushed by it. So the log is indexed by type, session and time behind the
 * commits, many entries at once (`log_places`, see log.ts): these indexes alone would double what a commit flushes.
 */
const SCHEMA = `
CREATE TABLE IF NOT EXISTS executions (
  no INTEGER PRIMARY KEY,
  tenant_id TEXT NOT NULL,
  execution_id TEXT NOT NULL,
  session_id TEXT NOT NULL,
  intent_type TEXT NOT NULL,
  status TEXT NOT NULL,
  terminal INTEGER NOT NULL,
  epoch INTEGER NOT NULL,
  owner TEXT NOT NULL,
  wake_ms INTEGER,
  created_ms INTEGER NOT NULL,
  head TEXT NOT NULL
) STRICT;
CREATE UNIQUE INDEX IF NOT EXISTS executions_by_id ON executions (tenant_id, execution_id);
CREATE INDEX IF NOT EXISTS executions_by_status ON executions (tenant_id, status, no);
CREATE INDEX IF NOT EXISTS executions_by_type ON executions (tenant_id, intent_type, no);
CREATE INDEX IF NOT EXISTS executions_by_session ON executions (tenant_id, session_id, no);
CREATE INDEX IF NOT EXISTS executions_by_tenant ON executions (tenant_id, no);
CREATE INDEX IF NOT EXISTS executions_live ON executions (owner, no) WHERE terminal = 0;
CREATE INDEX IF NOT EXISTS executions_due ON executions (wake_ms) WHERE owner = '' AND wake_ms IS NOT NULL;
CREATE INDEX IF NOT EXISTS executions_live_by_session ON executions (tenant_id, session_id, no) WHERE terminal = 0;

CREATE TABLE IF NOT EXISTS intents (execution_no INTEGER PRIMARY KEY, body TEXT NOT NULL) STRICT;

CREATE TABLE IF NOT EXISTS steps (
  execution_no INTEGER NOT NULL,
  position INTEGER NOT NULL,
  body TEXT NOT NULL,
  PRIMARY KEY (execution_no, position)
) STRICT, WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS mail (
  execution_no INTEGER NOT NULL,
  position INTEGER NOT NULL,
  mail_id TEXT NOT NULL,
  body TEXT NOT NULL,
  PRIMARY KEY (execution_no, position),
  UNIQUE (execution_no, mail_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS log (
  position INTEGER PRIMARY KEY,
  tenant_id TEXT NOT NULL,
  event_type TEXT NOT NULL,
  session_id TEXT,
  execution_no INTEGER,
  stream TEXT NOT NULL,
  sequence INTEGER NOT NULL,
  timestamp_ms INTEGER NOT NULL,
  text TEXT NOT NULL
) STRICT;
CREATE UNIQUE INDEX IF NOT EXISTS log_of_execution ON log (execution_no, sequence) WHERE execution_no IS NOT NULL;
CREATE UNIQUE INDEX IF NOT EXISTS log_of_stream ON log (tenant_id, stream, sequence) WHERE execution_no IS NULL;
CREATE TABLE IF NOT EXISTS log_places (
  position INTEGER PRIMARY KEY,
  tenant_id TEXT NOT NULL,
  event_type TEXT NOT NULL,
  session_id TEXT,
  timestamp_ms INTEGER NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS log_places_by_time ON log_places (tenant_id, timestamp_ms, position);
CREATE INDEX IF NOT EXISTS log_places_by_type ON log_places (tenant_id, event_type, timestamp_ms, position);
CREATE INDEX IF NOT EXISTS log_places_by_session ON log_places (tenant_id, session_id, timestamp_ms, position);

CREATE TABLE IF NOT EXISTS records (
  tenant_id TEXT NOT NULL,
  kind TEXT NOT NULL,
  id TEXT NOT NULL,
  version INTEGER NOT NULL,
  sort_ms INTEGER NOT NULL,
  usable_until_ms INTEGER,
  facets TEXT NOT NULL,
  body TEXT NOT NULL,
  PRIMARY KEY (tenant_id, kind, id)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS record_facets (
  tenant_id TEXT NOT NULL,
  kind TEXT NOT NULL,
  facet TEXT NOT NULL,
  sort_ms INTEGER NOT NULL,
  id TEXT NOT NULL,
  PRIMARY KEY (tenant_id, kind, facet, sort_ms, id)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS facet_counts (
  tenant_id TEXT NOT NULL,
  kind TEXT NOT NULL,
  facet TEXT NOT NULL,
  records INTEGER NOT NULL,
  PRIMARY KEY (tenant_id, kind, facet)
) STRICT, WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS idempotency (
  tenant_id TEXT NOT NULL,
  key TEXT NOT NULL,
  digest TEXT NOT NULL,
  execution_id TEXT NOT NULL,
  expires_ms INTEGER NOT NULL,
  PRIMARY KEY (tenant_id, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS idempotency_by_expiry ON idempotency (expires_ms);

CREATE TABLE IF NOT EXISTS outbox (
  position INTEGER PRIMARY KEY,
  event_id TEXT NOT NULL,
  tenant_id TEXT NOT NULL,
  topic TEXT NOT NULL,
  ordering_key TEXT NOT NULL,
  attributes TEXT NOT NULL,
  data TEXT NOT NULL,
  published_ms INTEGER
) STRICT;
CREATE INDEX IF NOT EXISTS outbox_waiting ON outbox (position) WHERE published_ms IS NULL;
CREATE INDEX IF NOT EXISTS outbox_published ON outbox (published_ms) WHERE published_ms IS NOT NULL;

CREATE TABLE IF NOT EXISTS workers (worker_id TEXT PRIMARY KEY, beat_ms INTEGER NOT NULL) STRICT, WITHOUT ROWID;
`;

const SCHEMA_VERSION = 1;

/**
 * Opens the database file, or a private one in memory for `:memory:`, and creates its tables.
 * Every commit is on the disk before it is acknowledged (WAL journal, synchronous=FULL).
 * Throws `store.newer_schema` for a file that a newer version of this software wrote.
 */
export function openDatabase(path: string): DatabaseSync {
  if (path !== ":memory:") mkdirSync(dirname(path), { recursive: true });
  const db = new DatabaseSync(path);
  db.exec("PRAGMA busy_timeout = 5000");
  useWriteAheadJournal(db);
  // A checkpoint each 32 MB instead of each 4: pages that many commits touch are then copied into the database once.
  db.exec("PRAGMA synchronous = FULL; PRAGMA cache_size = -65536; PRAGMA wal_autocheckpoint = 8000;");
  const found = Number(db.prepare("PRAGMA user_version").get()?.["user_version"] ?? 0);
  if (found > SCHEMA_VERSION) {
    db.close();
    throw new RuntimeError(
      "store.newer_schema",
      `${path} has schema version ${found}; this software knows ${SCHEMA_VERSION}. Run the newer version, or point DATA_DIR elsewhere.`,
    );
  }
  db.exec(`BEGIN IMMEDIATE; ${SCHEMA} PRAGMA user_version = ${SCHEMA_VERSION}; COMMIT;`);
  return db;
}

/** Of several processes that open a new file at once one changes its journal mode; SQLite refuses the others without waiting. */
function useWriteAheadJournal(db: DatabaseSync): void {
  for (let attempt = 1; ; attempt += 1) {
    try {
      db.exec("PRAGMA journal_mode = WAL");
      return;
    } catch (error) {
      if (attempt === 100) throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 10);
    }
  }
}

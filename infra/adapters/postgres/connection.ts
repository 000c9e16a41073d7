import { connect, type Socket } from "node:net";

import postgres from "postgres";

import { RuntimeError } from "../../../shared/errors.ts";
import type { TenantId } from "../../../shared/ids.ts";
import { recordsUnavailable, type RecordView } from "../../../shared/ports/record-store.ts";

/** A connection on which nothing is said for so long is given up: its server may be away. */
const SILENCE_MS = 20_000;
const STATEMENT_TIMEOUT = "15s";
const CONNECT_WITHIN_S = 5;

export interface PostgresOptions {
  readonly url: string;
  readonly connections: number;
  readonly silenceMs?: number;
}

export type Transaction = postgres.TransactionSql;

type Role = "authenticated" | "symphainy_platform";

/** Transactions in the role of a view: `authenticated` as its tenant, or the platform's. */
export interface PostgresConnection {
  /** Runs `work` in one transaction as the tenant: the database itself, by its row-level security, shows and takes only its rows. */
  asTenant<Result>(tenantId: TenantId, work: (tx: Transaction) => Promise<Result>): Promise<Result>;
  /** The same for writing: as the tenant, or for platform rows as the platform. */
  asWriter<Result>(view: RecordView, work: (tx: Transaction) => Promise<Result>): Promise<Result>;
  ping(): Promise<void>;
  close(): Promise<void>;
}

/** For a pooler in transaction mode: no prepared statements, and nothing of a session outlives its transaction. */
export function openPostgres({ url, connections, silenceMs = SILENCE_MS }: PostgresOptions): PostgresConnection {
  const options = {
    max: connections,
    prepare: false,
    // Would ask for the types of the whole database on each new connection.
    fetch_types: false,
    connect_timeout: CONNECT_WITHIN_S,
    backoff: false,
    onnotice: () => undefined,
    socket: (place: SocketPlace) => openSocket(place, silenceMs),
  };
  const sql = postgres(url, options);
  const within = async <Result>(role: Role, tenantId: TenantId, work: (tx: Transaction) => Promise<Result>) => {
    try {
      const result = await sql.begin(async (tx) => {
        // Sent together with the first statement of the work: it costs no round trip of its own.
        const entered = enter(tx, role, tenantId);
        const [done] = await Promise.all([work(tx), entered]);
        return { done };
      });
      return result.done as Result;
    } catch (error) {
      throw postgresError(error);
    }
  };
  return {
    asTenant: (tenantId, work) => within("authenticated", tenantId, work),
    asWriter: ({ dataClassification, tenantId }, work) =>
      within(dataClassification === "platform" ? "symphainy_platform" : "authenticated", tenantId, work),
    ping: async () => {
      try {
        await sql`select 1`;
      } catch (error) {
        throw postgresError(error);
      }
    },
    close: () => sql.end({ timeout: 5 }),
  };
}

/** `SET LOCAL ROLE` and the claims of the token, as Supabase sets them, in one statement. */
function enter(tx: Transaction, role: Role, tenantId: TenantId): Promise<unknown> {
  const claims = JSON.stringify({ role, tenant_id: tenantId });
  return tx`select set_config('request.jwt.claims', ${claims}, true),
    set_config('statement_timeout', ${STATEMENT_TIMEOUT}, true), set_config('role', ${role}, true)`.execute();
}

interface SocketPlace {
  readonly host: readonly string[];
  readonly port: readonly number[];
}

/** The client waits for a silent server for ever; this socket does not. It connects on its way, as the client's own does. */
function openSocket({ host, port }: SocketPlace, silenceMs: number): Socket {
  const [name = "127.0.0.1"] = host;
  const socket = connect(port[0] ?? 5432, name);
  const silent = Object.assign(new Error(`nothing was said for ${silenceMs} ms`), { code: "CONNECTION_SILENT" });
  socket.setTimeout(silenceMs, () => socket.destroy(silent));
  // Where the client looks for the name that the server's certificate must have.
  return Object.assign(socket, { host: name });
}

/** Connections that broke or were never made, and a server that is starting, stopping or overloaded (SQLSTATE classes 08, 53, 57). */
const AWAY = /^(08|53|57)|^(CONNECTION_|CONNECT_|ECONN|EPIPE|ETIMEDOUT|EHOSTUNREACH|ENOTFOUND|EAI_AGAIN)/;
const SERIALIZATION = new Set(["40001", "40P01", "55P03"]);
/** Text with a NUL, or that is no text at all: Postgres cannot hold it. */
const BAD_TEXT = new Set(["22021", "22P05"]);

function postgresError(error: unknown): unknown {
  if (error instanceof RuntimeError) return error;
  const code = codeOf(error) ?? "";
  if (AWAY.test(code) || SERIALIZATION.has(code)) return recordsUnavailable(error);
  if (BAD_TEXT.has(code)) {
    return new RuntimeError("records.bad_text", "The text has a character that cannot be stored (NUL).", {
      status: 422,
      cause: error,
    });
  }
  return error;
}

/** SQLSTATE, or the code of the client's own errors. */
export function codeOf(error: unknown): string | undefined {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : undefined;
}

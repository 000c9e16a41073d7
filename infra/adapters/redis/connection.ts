import { RuntimeError } from "../../../shared/errors.ts";

/** What a script answers: RESP without maps and doubles, so that it is the same over TCP and REST. */
export type Reply = string | number | null | readonly Reply[];

/** The few commands that the store needs of a Redis, whatever carries them. */
export interface RedisConnection {
  /** EVALSHA. Rejects with `store.script_unknown` when Redis has forgotten the script. */
  evalsha(sha: string, keys: readonly string[], args: readonly string[]): Promise<Reply>;
  eval(script: string, keys: readonly string[], args: readonly string[]): Promise<Reply>;
  ping(): Promise<void>;
  /** Waits for what was sent, and closes. May be repeated; every later call rejects with `store.unavailable`. */
  close(): Promise<void>;
}

/** Why Redis refuses work that it would do at another time, by the first word of its answer. */
const PASSING_REFUSALS = new Set([
  "BUSY",
  "CLUSTERDOWN",
  "LOADING",
  "MASTERDOWN",
  "MISCONF",
  "NOAUTH",
  "NOREPLICAS",
  "OOM",
  "READONLY",
  "TRYAGAIN",
  "UNKILLABLE",
  "WRONGPASS",
]);

/**
 * And what has no word of its own: more clients than Redis takes, and the limits of Upstash's plans, which a bigger plan or the next day
 * lifts (https://upstash.com/docs/redis/troubleshooting). Not the limits of one request's size, which it would meet again.
 */
const PASSING_LIMITS =
  /^ERR (?:max number of clients|max concurrent connections|max (?:daily )?requests? limit|DB capacity quota)/;

/** The error of a Redis that cannot be used right now. What was asked may still be done: it is safe to ask again. */
export function storeUnavailable(cause: unknown, reason: string | undefined = codeOf(cause)): RuntimeError {
  const why = reason === undefined ? "" : ` (${reason})`;
  return new RuntimeError("store.unavailable", `The store cannot be reached${why}. Try again.`, {
    status: 503,
    retryable: true,
    cause,
  });
}

/** What a caller hears when Redis itself answers with an error. */
export function redisRefused(answer: string): RuntimeError {
  const cause = new Error(answer);
  const code = answer.split(" ", 1)[0] ?? "";
  if (code === "NOSCRIPT")
    return new RuntimeError("store.script_unknown", "Redis does not know the script.", { cause });
  // Only words of Redis's own: the rest of an answer may repeat what it was asked.
  const [limit] = PASSING_LIMITS.exec(answer) ?? [];
  if (limit !== undefined || PASSING_REFUSALS.has(code)) return storeUnavailable(cause, limit ?? code);
  return new RuntimeError("store.refused", `The store refused a command (${code}).`, { cause });
}

/** Such as ECONNREFUSED. */
function codeOf(error: unknown): string | undefined {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : undefined;
}

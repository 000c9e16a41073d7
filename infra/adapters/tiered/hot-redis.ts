import { hash } from "node:crypto";

import { RuntimeError } from "../../../shared/errors.ts";

/** One Lua script, run atomically by Redis; all its keys share the tenant's hash tag. */
export interface HotScript {
  readonly text: string;
  readonly sha: string;
}

export function hotScript(text: string): HotScript {
  return { text, sha: hash("sha1", text, "hex") };
}

/**
 * What the hot tier needs of Redis, over TCP or REST. A call that rejects may have been done, and one may arrive twice: every script
 * of this folder may be repeated.
 */
export interface HotRedis {
  /** Rejects with `store.script_unknown` when Redis has forgotten the script. */
  evalsha(sha: string, keys: readonly string[], args: readonly string[]): Promise<unknown>;
  eval(text: string, keys: readonly string[], args: readonly string[]): Promise<unknown>;
  ping(): Promise<void>;
  close(): Promise<void>;
}

/** Runs a script, by its text where Redis does not know it yet, and gives the strings of its answer. */
export async function runScript(
  redis: HotRedis,
  script: HotScript,
  keys: readonly string[],
  args: readonly string[],
): Promise<string[]> {
  const answer = await redis.evalsha(script.sha, keys, args).catch((error: unknown) => {
    if (!(error instanceof RuntimeError) || error.code !== "store.script_unknown") throw error;
    return redis.eval(script.text, keys, args);
  });
  return Array.isArray(answer) ? answer.map(String) : [String(answer)];
}

/** The keys of a tenant. The name is encoded, so that no tenant's key can read as another's. */
export function tenantKeys(tenantId: string) {
  const tenant = `hot:{${encodeURIComponent(tenantId)}}`;
  return {
    /** In this order the first keys of every script. */
    common: [`${tenant}:state`, `${tenant}:open`, `${tenant}:tail`, `${tenant}:text`],
    execution: (executionId: string): string => `${tenant}:x:${executionId}`,
    record: (kind: string, id: string): string => `${tenant}:r:${encodeURIComponent(kind)}:${id}`,
  } as const;
}

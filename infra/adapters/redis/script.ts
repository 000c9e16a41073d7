import { hash } from "node:crypto";

import { RuntimeError } from "../../../shared/errors.ts";
import type { RedisConnection, Reply } from "./connection.ts";

/** A Lua script, by its name and the SHA-1 that Redis knows it by. */
export interface Script {
  readonly name: string;
  readonly text: string;
  readonly sha: string;
}

/** Sends a script by its hash. Its keys say what it must stay in order with; they all lie in the hash slot of the store. */
export type RunScript = (script: Script, keys: readonly string[], args: readonly string[]) => Promise<Reply>;

export function defineScript(name: string, text: string): Script {
  return { name, text, sha: hash("sha1", text, "hex") };
}

/** Runs scripts by their hashes, and by their text where Redis has forgotten them: it does at each restart. */
export function createScriptRunner(connection: RedisConnection): RunScript {
  return async (script, keys, args) => {
    try {
      return await connection.evalsha(script.sha, keys, args);
    } catch (error) {
      if (!(error instanceof RuntimeError) || error.code !== "store.script_unknown") throw error;
      return connection.eval(script.text, keys, args);
    }
  };
}

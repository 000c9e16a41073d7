import { RuntimeError } from "../../../shared/errors.ts";
import type { RecordConflict } from "../../../shared/ports/execution-store.ts";
import type { Reply } from "./connection.ts";
import { unescaped } from "./keys.ts";

/** A reply that is a list of texts; null where there is none. */
export function texts(reply: Reply): readonly (string | null)[] {
  if (!Array.isArray(reply)) throw unexpected(reply);
  return (reply as readonly Reply[]).map((part) => {
    if (part === null || typeof part === "string") return part;
    if (typeof part === "number") return String(part);
    throw unexpected(reply);
  });
}

/** A reply that is one line of words. */
export function words(reply: Reply): readonly string[] {
  if (typeof reply !== "string") throw unexpected(reply);
  return reply.split(" ");
}

/** A list of names and values in turn. */
export function fields(reply: Reply): ReadonlyMap<string, string> {
  const parts = texts(reply);
  const found = new Map<string, string>();
  for (let at = 0; at + 1 < parts.length; at += 2) found.set(parts[at] ?? "", parts[at + 1] ?? "");
  return found;
}

/** A time, in epoch milliseconds. */
export function timeOf(word: Reply | undefined): number {
  if (typeof word !== "string" || !/^\d{1,15}$/.test(word)) throw unexpected(word ?? null);
  return Number(word);
}

/** What refuses a change, in the words of the scripts. Throws for what no writer should ask. */
export function refusalOf([word = "", first = "", second = ""]: readonly string[]): RecordConflict {
  if (word === "conflict") return { outcome: "conflict", kind: unescaped(first), id: unescaped(second) };
  if (word === "refused" && first === "sequence")
    throw new RuntimeError("store.log_sequence", "A log entry must follow the last one of its stream.");
  if (word === "refused" && first === "execution")
    throw new RuntimeError("store.execution_exists", "There is an execution with this id.");
  throw unexpected(word);
}

export function unexpected(reply: Reply): RuntimeError {
  return new RuntimeError("store.unexpected_reply", `Redis replied what no script says: ${JSON.stringify(reply)}`);
}

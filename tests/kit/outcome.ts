import { canonicalJson, type JsonObject, type JsonValue, toJson } from "../../shared/json.ts";
import type { Stage } from "./stage.ts";

/** What depends on ids, times and the number of tries, and so differs from one play to the next. */
const PASSING = new Set([
  "chain",
  "inputs_digest",
  "attempt",
  "epoch",
  "due_at",
  "undo_attempts",
  "started_at",
  "completed_at",
]);
const ID = /\b(?:([a-z]+)_)?[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b/g;
/** The bytes of semantic items name ids, so that their digest is another each time; the graph holds the same items, compared. */
const DIGEST_OF_IDS = /\/embeddings\/artifact_…\/([0-9a-f]{64})\.jsonl/g;
const TIME = /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z/g;

/** All that is left of a play when it is over, without its ids and times: a line for each fact, in no order that matters. */
export async function outcomeOf(stage: Stage): Promise<readonly string[]> {
  const lines: string[] = [];
  for (const { state, effects } of await stage.executions()) {
    const { intent_type, status, output = null, error = null, artifacts, steps } = state;
    lines.push(`${intent_type} is ${status} ${plain({ output, error: toJson(error) }, stage)}`);
    for (const artifact of artifacts) lines.push(`${intent_type} left ${plain(artifact, stage)}`);
    for (const step of steps) {
      const { step_name, status: was, outputs = null } = step;
      lines.push(`${intent_type} ${step_name} is ${was} ${plain(outputs, stage)}`);
    }
    for (const [step, effect] of effects) lines.push(`${intent_type} ${step} effect ${effect}`);
  }
  for (const { kind, body } of await stage.records())
    if (kind !== "effect") lines.push(`${kind} ${plain(body, stage)}`);
  for (const { table, row } of await stage.rows()) lines.push(`${table} ${plain(row, stage)}`);
  for (const { collection, document } of await stage.graphDocuments())
    lines.push(`${collection} ${plain({ ...document, revision: "" }, stage)}`);
  const published = new Map(stage.published.map(({ id, data }) => [id, data]));
  for (const data of published.values()) lines.push(`told ${plain(JSON.parse(data) as JsonObject, stage)}`);
  return lines.toSorted();
}

/** How one outcome differs from another; empty when it does not. */
export function difference(wanted: readonly string[], found: readonly string[]): readonly string[] {
  return [...minus(wanted, found).map((line) => `- ${line}`), ...minus(found, wanted).map((line) => `+ ${line}`)];
}

function minus(lines: readonly string[], others: readonly string[]): readonly string[] {
  const left = [...others];
  return lines.filter((line) => {
    const index = left.indexOf(line);
    if (index !== -1) left.splice(index, 1);
    return index === -1;
  });
}

function plain(value: JsonValue | object, stage: Stage): string {
  const text = canonicalJson(lasting(toJson(value)))
    .replaceAll(stage.folder, "<folder>")
    .replaceAll(ID, "$1_…")
    .replaceAll(TIME, "<time>")
    .replaceAll(/"traceparent":"[^"]*"/g, '"traceparent":"…"');
  const digests = [...text.matchAll(DIGEST_OF_IDS)].map(([, digest = ""]) => digest);
  return digests.reduce((plainer, digest) => plainer.replaceAll(digest, "<digest>"), text);
}

function lasting(value: JsonValue): JsonValue {
  if (value === null || typeof value !== "object") return value;
  if (Array.isArray(value)) return (value as readonly JsonValue[]).map(lasting);
  const members = Object.entries(value as JsonObject).filter(([name]) => !PASSING.has(name));
  return Object.fromEntries(members.map(([name, member]) => [name, lasting(member ?? null)]));
}

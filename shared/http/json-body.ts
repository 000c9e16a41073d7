import { RuntimeError } from "../errors.ts";
import { lostDigits, lostNumberIn } from "../lost-number.ts";

/** How deep a body may be nested: far beyond real documents, far below what recursive code survives. */
const MAX_JSON_DEPTH = 256;
/** Only an escape can be half of a character: the bytes are checked as UTF-8. */
const LONE_SURROGATE = /\\u[dD][89a-fA-F]/;
const strictUtf8 = new TextDecoder("utf-8", { fatal: true });

/** Whether a content type says that a body is JSON, of whatever kind. */
export function isJsonType(contentType: string): boolean {
  return /^application\/(?:[\w.+-]+\+)?json\b/i.test(contentType);
}

/**
 * A body as JSON. Throws `request.malformed_json` (400); `request.too_deep`, `request.ill_formed_text` (RFC 7493, 2.1) and
 * `request.number_too_long` (422; 2.2): what would be kept as something else than was sent.
 */
export function parseJson(body: Uint8Array): unknown {
  const text = textOf(body);
  const json = decoded(text);
  if (isDeeperThan(MAX_JSON_DEPTH, json)) {
    throw new RuntimeError("request.too_deep", `The body is nested deeper than ${MAX_JSON_DEPTH} levels.`, {
      status: 422,
      details: { max_depth: MAX_JSON_DEPTH },
    });
  }
  if (LONE_SURROGATE.test(text) && !isWellFormed(json)) {
    throw new RuntimeError("request.ill_formed_text", "The body has a \\u escape that is half of a character.", {
      status: 422,
    });
  }
  const lost = lostNumberIn(text);
  if (lost !== undefined) throw new RuntimeError("request.number_too_long", lostDigits(lost), { status: 422 });
  return json;
}

function textOf(body: Uint8Array): string {
  try {
    return strictUtf8.decode(body);
  } catch {
    throw malformed("not UTF-8");
  }
}

function decoded(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (cause) {
    throw malformed(`not JSON: ${cause instanceof Error ? cause.message : String(cause)}`);
  }
}

function malformed(fault: string): RuntimeError {
  return new RuntimeError("request.malformed_json", `The body is ${fault}.`, { status: 400 });
}

/** Whether every name and text is Unicode that a store gives back as it was: two halves of characters would become the same text. */
function isWellFormed(json: unknown): boolean {
  const left: unknown[] = [json];
  for (let value = left.pop(); value !== undefined; value = left.pop()) {
    if (typeof value === "string" && !value.isWellFormed()) return false;
    if (!isObject(value)) continue;
    for (const [name, member] of Object.entries(value)) left.push(name, member);
  }
  return true;
}

/** Level by level and without recursion, which is what very deep JSON would break here and behind. */
function isDeeperThan(maxDepth: number, json: unknown): boolean {
  let level = [json].filter(isObject);
  for (let depth = 1; level.length > 0; depth += 1) {
    if (depth > maxDepth) return true;
    const below: object[] = [];
    for (const value of level) {
      for (const member of Object.values(value) as unknown[]) if (isObject(member)) below.push(member);
    }
    level = below;
  }
  return false;
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}

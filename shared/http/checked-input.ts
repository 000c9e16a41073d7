import * as z from "zod";

import { type FieldFault, faultsOf, MAX_FAULTS, RuntimeError } from "../errors.ts";
import { ENCODED, type HttpRequest, isEncoded } from "./http-request.ts";
import { isJsonType, parseJson } from "./json-body.ts";

/** The body as the schema makes it. Throws `request.*` (400, 413, 415, 422). */
export async function readBody<Body>(request: HttpRequest, schema: z.ZodType<Body>, maxBytes: number): Promise<Body> {
  const type = request.header("content-type") ?? "";
  if (!isJsonType(type)) {
    throw new RuntimeError("request.not_json", "Send JSON, with content-type: application/json.", { status: 415 });
  }
  if (isEncoded(request.header("content-encoding")))
    throw new RuntimeError(ENCODED.code, ENCODED.detail, { status: 415 });
  return checked(parseJson(await request.bytes(maxBytes)), schema);
}

/** The query as the schema makes it. Throws `request.invalid` (422), also for what the schema does not know. */
export function readQuery<Query>({ search }: HttpRequest, schema: z.ZodType<Query>): Query {
  if (search === "") return checked({}, schema);
  const parameters = new URLSearchParams(search);
  const names = [...new Set(parameters.keys())];
  const known = schema instanceof z.ZodObject ? Object.keys(schema.shape) : names;
  const faults = names.flatMap((path): FieldFault[] => {
    // One of several would be taken, and the others passed over in silence; so would a filter that is misspelt.
    if (parameters.getAll(path).length > 1) return [{ path, message: "is given more than once" }];
    return known.includes(path) ? [] : [{ path, message: `is not known; known are ${known.join(", ")}` }];
  });
  if (faults.length > 0) throw invalid("the query", faults.slice(0, MAX_FAULTS));
  return checked(Object.fromEntries(parameters), schema);
}

/** The value as the schema makes it. Throws `request.invalid` (422) with every fault. */
export function checked<Value>(value: unknown, schema: z.ZodType<Value>): Value {
  const parsed = schema.safeParse(value);
  if (parsed.success) {
    const dropped = droppedFrom(value, parsed.data);
    if (dropped.length > 0) throw invalid("the body", dropped);
    return parsed.data;
  }
  throw invalid("the body", faultsOf(parsed.error));
}

/** Of an object whose members are the caller's own zod drops one name in silence. */
function droppedFrom(value: unknown, made: unknown): readonly FieldFault[] {
  if (!isObject(value) || !isObject(made)) return [];
  return Object.keys(value).flatMap((name) => {
    const isDropped = hasProto(value[name]) && isObject(made[name]) && !hasProto(made[name]);
    return isDropped ? [{ path: `${name}.__proto__`, message: "no member can have this name" }] : [];
  });
}

function hasProto(value: unknown): boolean {
  return isObject(value) && Object.hasOwn(value, "__proto__");
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null;
}

function invalid(what: string, faults: readonly FieldFault[]): RuntimeError {
  const [first] = faults;
  const detail =
    faults.length === 1 && first !== undefined
      ? `${first.path || what}: ${first.message}`
      : `The request has ${faults.length > MAX_FAULTS ? `more than ${MAX_FAULTS}` : faults.length} faults.`;
  return new RuntimeError("request.invalid", detail, { status: 422, faults });
}

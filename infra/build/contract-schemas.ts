import { isDeepStrictEqual } from "node:util";

/** A difference between what was promised and what is. `breaking` when somebody who relies on the promise may fail. */
export interface ContractChange {
  /** Where, as in `POST /session/create body.context`. */
  readonly at: string;
  readonly what: string;
  readonly breaking: boolean;
}

/** `input`: others write it and we read it, so it must not take less. `output`: we write it, so it must not say less, or what is new to its readers. */
export type Direction = "input" | "output";
export type Json = Readonly<Record<string, unknown>>;
/** The document that the references of a schema are of. */
export interface Located {
  readonly schema: unknown;
  readonly root: unknown;
}

const LOWER_BOUNDS = ["minLength", "minimum", "exclusiveMinimum", "minItems", "minProperties"];
const UPPER_BOUNDS = ["maxLength", "maximum", "exclusiveMaximum", "maxItems", "maxProperties"];
const EXACT = ["pattern", "format", "multipleOf", "uniqueItems", "contentEncoding", "propertyNames", "allOf", "not"];
const TYPES = ["string", "number", "integer", "boolean", "null", "array", "object"];

/** What of one JSON Schema became another, and whom that breaks. What it cannot judge, it takes for breaking. */
export function compareSchemas(before: Located, after: Located, direction: Direction, at: string): ContractChange[] {
  return compare(before, after, { direction, at, seen: [] });
}

interface Place {
  readonly direction: Direction;
  readonly at: string;
  /** The references that lead here: a schema that contains itself is compared once. */
  readonly seen: readonly string[];
}

function compare(was: Located, is: Located, place: Place): ContractChange[] {
  const before = resolved(was);
  const after = resolved(is);
  const visit = `${referenceOf(was)} ${referenceOf(is)}`;
  if (visit !== " " && place.seen.includes(visit)) return [];
  const inside = { ...place, seen: [...place.seen, visit] };
  if (alternativesOf(before) !== undefined || alternativesOf(after) !== undefined)
    return compareAlternatives({ schema: before, root: was.root }, { schema: after, root: is.root }, inside);
  return [
    ...compareTypes(before, after, inside),
    ...compareValues(before, after, inside),
    ...compareBounds(before, after, inside),
    ...compareProperties({ schema: before, root: was.root }, { schema: after, root: is.root }, inside),
    ...compareParts({ schema: before, root: was.root }, { schema: after, root: is.root }, inside),
  ];
}

/** Each alternative of the one who must not be surprised has to fit one of the other's. */
function compareAlternatives(was: Located, is: Located, place: Place): ContractChange[] {
  const list = ({ schema, root }: Located) =>
    (alternativesOf(schema as Json) ?? [schema]).map((each): Located => ({ schema: each, root }));
  const fits = (one: Located, other: Located) => compare(one, other, place).every(({ breaking }) => !breaking);
  const befores = list(was);
  const afters = list(is);
  if (place.direction === "input") {
    const lost = befores.filter((before) => !afters.some((after) => fits(before, after)));
    return lost.map(() => broken(place, "takes an alternative no more"));
  }
  const strange = afters.filter((after) => !befores.some((before) => fits(before, after)));
  return strange.map(() => broken(place, "may be something that it could not be"));
}

function compareTypes(before: Json, after: Json, place: Place): ContractChange[] {
  const [taken, given] = place.direction === "input" ? [after, before] : [before, after];
  const known = new Set(typesOf(taken).flatMap((type) => (type === "number" ? ["number", "integer"] : [type])));
  const strangers = typesOf(given).filter((type) => !known.has(type));
  if (strangers.length > 0) {
    const what = place.direction === "input" ? "takes no longer" : "may now be";
    return [broken(place, `${what} ${strangers.join(" or ")}`)];
  }
  return isDeepStrictEqual(typesOf(before), typesOf(after)) ? [] : [fine(place, `is ${typesOf(after).join(" or ")}`)];
}

function compareValues(before: Json, after: Json, place: Place): ContractChange[] {
  const was = valuesOf(before);
  const is = valuesOf(after);
  if (was === undefined && is === undefined) return [];
  if (was === undefined) return place.direction === "input" ? [broken(place, "takes only some values now")] : [];
  if (is === undefined) return place.direction === "output" ? [broken(place, "may be any value now")] : [];
  const has = (values: readonly unknown[], value: unknown) => values.some((each) => isDeepStrictEqual(each, value));
  const removed = was.filter((value) => !has(is, value));
  const added = is.filter((value) => !has(was, value));
  return [
    ...removed.map((value) => broken(place, `the value ${JSON.stringify(value)} is gone`)),
    ...added.map((value) => fine(place, `has the value ${JSON.stringify(value)}`)),
  ];
}

/** Narrower bounds break who writes; what we write is within whatever bounds, but its form may be relied on. */
function compareBounds(before: Json, after: Json, place: Place): ContractChange[] {
  const exact = EXACT.filter((name) => !isDeepStrictEqual(before[name], after[name]));
  if (place.direction === "output")
    return exact.filter((name) => before[name] !== undefined).map((name) => broken(place, `has another ${name}`));
  const narrower = (name: string, isNarrower: (was: number, is: number) => boolean) => {
    const is = after[name];
    const was = before[name];
    return typeof is === "number" && (typeof was !== "number" || isNarrower(was, is));
  };
  return [
    ...exact.filter((name) => after[name] !== undefined).map((name) => broken(place, `has another ${name}`)),
    ...LOWER_BOUNDS.filter((name) => narrower(name, (was, is) => is > was)).map((name) =>
      broken(place, `${name} is higher`),
    ),
    ...UPPER_BOUNDS.filter((name) => narrower(name, (was, is) => is < was)).map((name) =>
      broken(place, `${name} is lower`),
    ),
    ...(before["default"] !== undefined && !isDeepStrictEqual(before["default"], after["default"])
      ? [broken(place, "has another default")]
      : []),
  ];
}

function compareProperties(was: Located, is: Located, place: Place): ContractChange[] {
  const before = was.schema as Json;
  const after = is.schema as Json;
  const old = objectIn(before["properties"]);
  const now = objectIn(after["properties"]);
  const needed = (schema: Json) => new Set(schema["required"] as readonly string[] | undefined);
  const required = { before: needed(before), after: needed(after) };
  const changes: ContractChange[] = [];
  for (const [name, schema] of Object.entries(old)) {
    const here = { ...place, at: `${place.at}.${name}` };
    if (!Object.hasOwn(now, name)) {
      changes.push(broken(here, "is gone"));
      continue;
    }
    if (place.direction === "input" && required.after.has(name) && !required.before.has(name))
      changes.push(broken(here, "is required now"));
    if (place.direction === "output" && required.before.has(name) && !required.after.has(name))
      changes.push(broken(here, "may be absent now"));
    changes.push(...compare({ schema, root: was.root }, { schema: now[name], root: is.root }, here));
  }
  for (const name of Object.keys(now)) {
    if (Object.hasOwn(old, name)) continue;
    const here = { ...place, at: `${place.at}.${name}` };
    const forced = place.direction === "input" && required.after.has(name);
    changes.push(forced ? broken(here, "is new and required") : fine(here, "is new"));
  }
  return changes;
}

/** The items of lists, and the members of objects that have no names. */
function compareParts(was: Located, is: Located, place: Place): ContractChange[] {
  const before = was.schema as Json;
  const after = is.schema as Json;
  const changes: ContractChange[] = [];
  for (const [name, mark] of [
    ["items", "[]"],
    ["additionalProperties", ".*"],
  ] as const) {
    const [old, now] = [before[name] ?? true, after[name] ?? true];
    const here = { ...place, at: `${place.at}${mark}` };
    if (isDeepStrictEqual(old, now)) continue;
    if (old === false) changes.push(fine(here, "may be anything"));
    else if (now === false)
      changes.push(...(place.direction === "input" ? [broken(here, "may not be there any more")] : []));
    else changes.push(...compare({ schema: old, root: was.root }, { schema: now, root: is.root }, here));
  }
  if (!isDeepStrictEqual(before["prefixItems"], after["prefixItems"])) changes.push(broken(place, "has other places"));
  return changes;
}

function resolved({ schema, root }: Located): Json {
  let found = schema;
  for (let hops = 0; hops < 10; hops += 1) {
    const reference = objectIn(found)["$ref"];
    if (typeof reference !== "string") break;
    found = pointedAt(root, reference);
  }
  return objectIn(found);
}

/** What a local reference leads to. */
export function pointedAt(root: unknown, reference: string): unknown {
  let found = root;
  for (const name of reference.split("/").slice(1))
    found = objectIn(found)[name.replaceAll("~1", "/").replaceAll("~0", "~")];
  return found;
}

export function objectIn(value: unknown): Json {
  return typeof value === "object" && value !== null ? (value as Json) : {};
}

function referenceOf({ schema }: Located): string {
  const reference = objectIn(schema)["$ref"];
  return typeof reference === "string" ? reference : "";
}

function alternativesOf(schema: Json): readonly unknown[] | undefined {
  return (schema["anyOf"] ?? schema["oneOf"]) as readonly unknown[] | undefined;
}

function typesOf(schema: Json): readonly unknown[] {
  if (schema["type"] !== undefined) return [schema["type"]].flat();
  const values = valuesOf(schema);
  if (values === undefined) return TYPES;
  return [...new Set(values.map((value) => (value === null ? "null" : Array.isArray(value) ? "array" : typeof value)))];
}

function valuesOf(schema: Json): readonly unknown[] | undefined {
  if ("const" in schema) return [schema["const"]];
  return schema["enum"] as readonly unknown[] | undefined;
}

function broken({ at }: Place, what: string): ContractChange {
  return { at, what, breaking: true };
}

function fine({ at }: Place, what: string): ContractChange {
  return { at, what, breaking: false };
}

import fc from "fast-check";

/** As much of JSON Schema as the runtime's own document uses. */
export interface JsonSchema {
  readonly type?: string | readonly string[];
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly anyOf?: readonly JsonSchema[];
  readonly oneOf?: readonly JsonSchema[];
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
  readonly items?: JsonSchema;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly pattern?: string;
  readonly format?: string;
}

/** What programs trip over, as text. */
export const HOSTILE_TEXTS: readonly string[] = [
  "",
  " ",
  "__proto__",
  "constructor",
  "../../etc/passwd",
  "..%2f..",
  "%00",
  "\u0000",
  "a\r\nset-cookie: a=b",
  "\ud800",
  "e\u0301\u202e",
  "' OR 1=1 --",
  "${jndi:ldap://a}",
  "<script>alert(1)</script>",
  "{{7*7}}",
  "x".repeat(5_000),
  "1e400",
  "-1",
  "null",
  "true",
  "[]",
];

export const hostileText: fc.Arbitrary<string> = fc.oneof(
  fc.constantFrom(...HOSTILE_TEXTS),
  fc.string({ unit: "binary", maxLength: 40 }),
);

export const hostileValue: fc.Arbitrary<unknown> = fc.oneof(
  hostileText,
  fc.constantFrom<unknown>(null, true, 0, -0, -1, 1e308, 2 ** 53, 0.1, [], {}, [[[[]]]], { __proto__x: 1 }),
  fc.jsonValue({ stringUnit: "binary", maxDepth: 3 }),
);

/** Values that a schema allows, with what is `known` for members of these names three times out of four. */
export function valid(schema: JsonSchema, known: Readonly<Record<string, unknown>>): fc.Arbitrary<unknown> {
  if (schema.const !== undefined) return fc.constant(schema.const);
  if (schema.enum !== undefined) return fc.constantFrom(...schema.enum);
  const variants = schema.anyOf ?? schema.oneOf;
  if (variants !== undefined) return fc.oneof(...variants.map((variant) => valid(variant, known)));
  return ofType(typeof schema.type === "string" ? schema.type : schema.type?.[0], schema, known);
}

function ofType(
  type: string | undefined,
  schema: JsonSchema,
  known: Readonly<Record<string, unknown>>,
): fc.Arbitrary<unknown> {
  switch (type) {
    case "object":
      return fc.record(
        Object.fromEntries(
          Object.entries(schema.properties ?? {}).map(([name, member]) => [name, memberOf(name, member, known)]),
        ),
        { requiredKeys: [...(schema.required ?? [])] },
      );
    case "array":
      return fc.array(valid(schema.items ?? {}, known), { maxLength: 3 });
    case "integer":
    case "number":
      return fc.integer({ min: Math.max(schema.minimum ?? 0, -1e9), max: Math.min(schema.maximum ?? 1e6, 1e9) });
    case "boolean":
      return fc.boolean();
    case "string":
      if (schema.format === "date-time") return fc.date({ noInvalidDate: true }).map((date) => date.toISOString());
      return fc.string({ minLength: schema.minLength ?? 1, maxLength: Math.min(schema.maxLength ?? 20, 20) });
    default:
      return fc.jsonValue({ maxDepth: 2 });
  }
}

function memberOf(name: string, member: JsonSchema, known: Readonly<Record<string, unknown>>): fc.Arbitrary<unknown> {
  const made = valid(member, known);
  return name in known ? fc.oneof({ weight: 3, arbitrary: fc.constant(known[name]) }, made) : made;
}

/** A value with up to three of its members, or itself, put wrong. */
export function mutated(value: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> {
  const change = fc.record({ at: fc.nat(), inside: fc.boolean(), by: hostileValue, remove: fc.boolean() });
  return fc
    .tuple(value, fc.array(change, { minLength: 1, maxLength: 3 }))
    .map(([whole, changes]) =>
      changes.reduce<unknown>(
        (current, { at, inside, by, remove }) => put(current, at, inside, remove ? undefined : by),
        whole,
      ),
    );
}

function put(value: unknown, at: number, inside: boolean, by: unknown): unknown {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return by;
  const names = Object.keys(value);
  const name = names[at % (names.length + 1)] ?? "unexpected";
  const member: unknown = (value as Record<string, unknown>)[name];
  const isObject = typeof member === "object" && member !== null && !Array.isArray(member);
  return { ...value, [name]: inside && isObject ? put(member, at, false, by) : by };
}

import { readFile } from "node:fs/promises";

import { describe, expect, it } from "vitest";
import * as z from "zod";

import { compareContracts, type Contracts } from "../../infra/build/contract-documents.ts";
import { compareSchemas, type Direction } from "../../infra/build/contract-schemas.ts";

function changes(before: z.ZodType, after: z.ZodType, direction: Direction) {
  const schemaOf = (schema: z.ZodType) => {
    const json = z.toJSONSchema(schema, { io: direction });
    return { schema: json, root: json };
  };
  return compareSchemas(schemaOf(before), schemaOf(after), direction, "it");
}

/** The places that break, each once: one change of a type may show in several of a schema's words. */
function brokenPlaces(before: z.ZodType, after: z.ZodType, direction: Direction): readonly string[] {
  const breaking = changes(before, after, direction).filter((change) => change.breaking);
  return [...new Set(breaking.map(({ at: place }) => place))];
}

const a = z.string();
const person = z.object({ name: a, age: z.int().optional() });
type Case = readonly [name: string, before: z.ZodType, after: z.ZodType];

const BREAK_WRITERS: readonly Case[] = [
  ["a field is gone", person, z.object({ name: a })],
  ["a new field is required", person, person.extend({ mail: a })],
  ["an optional field is required", person, z.object({ name: a, age: z.int() })],
  ["an enum value is gone", z.enum(["x", "y"]), z.enum(["x"])],
  ["any text becomes an enum", a, z.enum(["x"])],
  ["an enum becomes a constant", z.enum(["x", "y"]), z.literal("x")],
  ["a type is another", a, z.int()],
  ["a number must be whole", z.number(), z.int()],
  ["null is taken no more", a.nullable(), a],
  ["an alternative is gone", z.union([a, z.object({ id: a })]), a],
  ["an alternative is narrower", z.union([a, person]), z.union([a, person.extend({ mail: a })])],
  ["a text is shorter", a.max(10), a.max(9)],
  ["a text is bounded", a, a.max(10)],
  ["a text must not be empty", a, a.min(1)],
  ["a number has a higher minimum", z.number().min(1), z.number().min(2)],
  ["a list is shorter", z.array(a).max(3), z.array(a).max(2)],
  ["a pattern is new", a, a.regex(/^x/)],
  ["a pattern is another", a.regex(/^x/), a.regex(/^y/)],
  ["a format is new", a, z.iso.datetime()],
  ["strangers are refused", z.object({ name: a }), z.strictObject({ name: a })],
  ["a default is another", z.object({ n: z.int().default(1) }), z.object({ n: z.int().default(2) })],
  ["items are narrower", z.array(a), z.array(z.enum(["x"]))],
  ["values of a record are narrower", z.record(a, a), z.record(a, z.enum(["x"]))],
  ["it happens deep inside", z.object({ list: z.array(person) }), z.object({ list: z.array(person.extend({ m: a })) })],
];

const SUIT_WRITERS: readonly Case[] = [
  ["a new field is optional", person, person.extend({ mail: a.optional() })],
  ["a new field has a default", person, person.extend({ mail: a.default("") })],
  ["a required field is optional", z.object({ name: a }), z.object({ name: a.optional() })],
  ["an enum has one more value", z.enum(["x"]), z.enum(["x", "y"])],
  ["null is taken too", a, a.nullable()],
  ["an alternative is new", a, z.union([a, z.int()])],
  ["a text may be longer", a.max(10), a.max(11)],
  ["any number is taken, not only whole ones", z.int(), z.number()],
  ["strangers are let in", z.strictObject({ name: a }), z.object({ name: a })],
];

const BREAK_READERS: readonly Case[] = [
  ["a field is gone", person, z.object({ name: a })],
  ["a field may be absent", z.object({ name: a }), z.object({ name: a.optional() })],
  ["a field may be null", z.object({ name: a }), z.object({ name: a.nullable() })],
  ["a type is another", a, z.int()],
  ["a whole number may be a fraction", z.int(), z.number()],
  ["an enum value is gone", z.enum(["x", "y"]), z.enum(["x"])],
  ["an enum becomes any text", z.enum(["x"]), a],
  ["a time is a text", z.iso.datetime(), a],
  ["an alternative is new", z.union([a, z.int()]), z.union([a, z.int(), z.boolean()])],
  ["it happens in a list", z.array(person), z.array(z.object({ age: z.int().optional() }))],
];

const SUIT_READERS: readonly Case[] = [
  ["a field is new", person, person.extend({ mail: a })],
  ["an optional field is always there", person, z.object({ name: a, age: z.int() })],
  ["null never comes any more", a.nullable(), a],
  ["an enum has one more value", z.enum(["x"]), z.enum(["x", "y"])],
];

describe("a schema that others write", () => {
  it.each(BREAK_WRITERS)("breaks them when %s", (_, before, after) => {
    expect(brokenPlaces(before, after, "input")).toHaveLength(1);
  });
  it.each(SUIT_WRITERS)("suits them when %s", (_, before, after) => {
    expect(brokenPlaces(before, after, "input")).toEqual([]);
  });
});

describe("a schema that others read", () => {
  it.each(BREAK_READERS)("breaks them when %s", (_, before, after) => {
    expect(brokenPlaces(before, after, "output")).toHaveLength(1);
  });
  it.each(SUIT_READERS)("suits them when %s", (_, before, after) => {
    expect(brokenPlaces(before, after, "output")).toEqual([]);
  });
});

it("compares schemas that contain themselves, once", () => {
  const tree = z.object({
    value: a,
    get children() {
      return z.array(tree);
    },
  });
  const strict = z.object({
    value: a.max(3),
    get children() {
      return z.array(strict);
    },
  });
  expect(changes(tree, tree, "input")).toEqual([]);
  expect(changes(tree, strict, "input").filter(({ breaking }) => breaking)).not.toEqual([]);
});

type Tree = { [name: string]: Tree };
/** Changes the accepted contracts by hand. */
type Edit = (contracts: { [name in keyof Contracts]: Tree }) => void;

async function accepted() {
  const read = async (name: string) =>
    JSON.parse(await readFile(new URL(`../../infra/schema/contracts/${name}.json`, import.meta.url), "utf8")) as Tree;
  return { openapi: await read("openapi"), asyncapi: await read("asyncapi"), intents: await read("intents") };
}

async function afterEdit(edit: Edit) {
  const before = await accepted();
  const after = structuredClone(before);
  edit(after);
  expect(after).not.toEqual(before);
  return { forth: compareContracts(before, after), back: compareContracts(after, before) };
}

/** The member at a path; fails where there is none, so that no edit misses. */
function at(tree: Tree | undefined, ...path: readonly string[]): Tree {
  const found = path.reduce<Tree | undefined>((inner, name) => inner?.[name], tree);
  if (found === undefined) throw new Error(`There is no ${path.join(" / ")}`);
  return found;
}

function remove(tree: Tree, name: string): void {
  at(tree, name);
  Reflect.deleteProperty(tree, name);
}

const SUBMIT = ["paths", "/intent/submit", "post"] as const;
const INGEST_CHANNEL = ["channels", "content.ingest_file"] as const;

const BREAKING_EDITS: readonly (readonly [name: string, edit: Edit, place: string])[] = [
  ["an endpoint is gone", ({ openapi }) => remove(at(openapi, "paths"), "/wal"), "GET /wal"],
  ["an answer is gone", ({ openapi }) => remove(at(openapi, ...SUBMIT, "responses"), "202"), "POST /intent/submit 202"],
  [
    "a member of an answer is gone",
    ({ openapi }) =>
      remove(
        at(openapi, ...SUBMIT, "responses", "202", "content", "application/json", "schema", "properties"),
        "saga_id",
      ),
    "POST /intent/submit 202.saga_id",
  ],
  [
    "a member of problems is gone",
    ({ openapi }) =>
      remove(
        at(openapi, ...SUBMIT, "responses", "default", "content", "application/problem+json", "schema", "properties"),
        "code",
      ),
    "POST /intent/submit default application/problem+json.code",
  ],
  [
    "a member of a body is required",
    ({ openapi }) => {
      const schema = at(openapi, ...SUBMIT, "requestBody", "content", "application/json", "schema");
      (schema["required"] as unknown as string[]).push("solution_id");
    },
    "POST /intent/submit body.solution_id",
  ],
  [
    "a query parameter is gone",
    ({ openapi }) => {
      const get = at(openapi, "paths", "/wal", "get");
      get["parameters"] = (get["parameters"] as unknown as { name: string }[]).filter(
        ({ name }) => name !== "type",
      ) as unknown as Tree;
    },
    "GET /wal query type",
  ],
  [
    "a query parameter is required",
    ({ openapi }) => {
      const list = at(openapi, "paths", "/wal", "get", "parameters") as unknown as {
        name: string;
        required?: boolean;
      }[];
      const cursor = list.find(({ name }) => name === "cursor");
      if (cursor === undefined) throw new Error("no cursor");
      cursor.required = true;
    },
    "GET /wal query cursor",
  ],
  [
    "a new header is required",
    ({ openapi }) => {
      const list = at(openapi, "paths", "/wal", "get", "parameters") as unknown as object[];
      list.push({ in: "header", name: "x-new", required: true, schema: { type: "string" } });
    },
    "GET /wal header x-new",
  ],
  [
    "a public endpoint wants a token",
    ({ openapi }) => {
      at(openapi, "paths", "/health", "get")["security"] = [{ bearer: ["viewer"] }] as unknown as Tree;
    },
    "GET /health",
  ],
  ["a channel is gone", ({ asyncapi }) => remove(at(asyncapi, "channels"), "events"), "channel events"],
  [
    "a channel is elsewhere",
    ({ asyncapi }) => {
      at(asyncapi, ...INGEST_CHANNEL)["address"] = "elsewhere" as unknown as Tree;
    },
    "channel content.ingest_file",
  ],
  [
    "an event is told no more",
    ({ asyncapi }) => remove(at(asyncapi, "channels", "events", "messages"), "execution_failed"),
    "channel events execution_failed",
  ],
  [
    "an event lacks what it said",
    ({ asyncapi }) =>
      remove(
        at(asyncapi, "components", "messages", "execution_failed", "payload", "properties", "data", "properties"),
        "intent_id",
      ),
    "channel events execution_failed payload.data.intent_id",
  ],
  [
    "a producer must say more",
    ({ asyncapi }) => {
      const data = at(
        asyncapi,
        "components",
        "messages",
        "content.ingest_file.submit",
        "payload",
        "properties",
        "data",
      );
      (data["required"] as unknown as string[]).push("metadata");
    },
    "channel content.ingest_file content.ingest_file.submit payload.data.metadata",
  ],
  [
    "dead letters lack their reason",
    ({ asyncapi }) => remove(at(asyncapi, "components", "messages", "dead_letter", "headers", "properties"), "reason"),
    "channel dead_letters dead_letter headers.reason",
  ],
  [
    "a version of an intent is gone",
    ({ intents }) => remove(intents, "content.parse_content.2"),
    "intent content.parse_content.2",
  ],
  [
    "an input has a value less",
    ({ intents }) => {
      const type = at(intents, "content.ingest_file.2", "$defs", "input", "properties", "ingestion_type");
      (type["enum"] as unknown as string[]).pop();
    },
    "intent content.ingest_file.2 input.ingestion_type",
  ],
  [
    "an output lacks what it had",
    ({ intents }) => remove(at(intents, "content.parse_content.2", "$defs", "output", "properties"), "notes"),
    "intent content.parse_content.2 output.notes",
  ],
];

describe("the contracts", () => {
  it.each(BREAKING_EDITS)("break somebody when %s", async (_, edit, place) => {
    const { forth } = await afterEdit(edit);
    expect(forth.filter(({ breaking }) => breaking).map((change) => change.at)).toEqual([place]);
  });

  it("break nobody when they grow, and still have changed", async () => {
    const grow: Edit = ({ openapi, asyncapi, intents }) => {
      at(openapi, "paths")["/new"] = { get: { responses: {} } };
      at(asyncapi, "channels")["new"] = { address: "new" as unknown as Tree, messages: {} };
      at(intents)["content.new.1"] = { $defs: {} };
    };
    const { forth, back } = await afterEdit(grow);
    expect(forth.map(({ breaking }) => breaking)).toEqual([false, false, false]);
    expect(
      back.map(({ breaking }) => breaking),
      "and shrinking back breaks",
    ).toEqual([true, true, true]);
  });

  it("have changed, too, when only their words have", async () => {
    const { forth } = await afterEdit(({ openapi }) => {
      at(openapi, ...SUBMIT)["summary"] = "Other words" as unknown as Tree;
    });
    expect(forth).toEqual([expect.objectContaining({ at: "openapi.json", breaking: false })]);
  });

  it("are the same as themselves", async () => {
    expect(compareContracts(await accepted(), await accepted())).toEqual([]);
  });
});

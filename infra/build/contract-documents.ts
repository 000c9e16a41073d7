import { isDeepStrictEqual } from "node:util";

import {
  compareSchemas,
  type ContractChange,
  type Direction,
  type Json,
  objectIn,
  pointedAt,
} from "./contract-schemas.ts";

/** All that others can rely on. */
export interface Contracts {
  readonly openapi: Json;
  readonly asyncapi: Json;
  /** The schemas of each version of each intent, by `<type>.<version>`. */
  readonly intents: Json;
}

/** What changed, each with whether it breaks somebody; nothing when the contracts are the same to the letter. */
export function compareContracts(before: Contracts, after: Contracts): readonly ContractChange[] {
  const parts = [
    ["openapi.json", compareOpenApi(before.openapi, after.openapi), before.openapi, after.openapi],
    ["asyncapi.json", compareAsyncApi(before.asyncapi, after.asyncapi), before.asyncapi, after.asyncapi],
    ["intents.json", compareIntents(before.intents, after.intents), before.intents, after.intents],
  ] as const;
  return parts.flatMap(([at, changes, was, is]) =>
    changes.length === 0 && !isDeepStrictEqual(was, is)
      ? [{ at, what: "has other words, or more freedom", breaking: false }]
      : changes,
  );
}

/** Calls `both` for what both have; what is gone breaks, what is new does not. */
function compareMembers(
  before: unknown,
  after: unknown,
  nameOf: (key: string) => string,
  both: (was: Json, is: Json, at: string) => ContractChange[],
): ContractChange[] {
  const old = objectIn(before);
  const now = objectIn(after);
  return [
    ...Object.keys(old).flatMap((key) =>
      Object.hasOwn(now, key)
        ? both(objectIn(old[key]), objectIn(now[key]), nameOf(key))
        : [{ at: nameOf(key), what: "is gone", breaking: true }],
    ),
    ...Object.keys(now)
      .filter((key) => !Object.hasOwn(old, key))
      .map((key) => ({ at: nameOf(key), what: "is new", breaking: false })),
  ];
}

function compareOpenApi(before: Json, after: Json): ContractChange[] {
  const roots = { before, after };
  return compareMembers(endpointsOf(before), endpointsOf(after), String, (was, is, at) => [
    ...compareSecurity(was["security"], is["security"], at),
    ...compareParameters(was["parameters"], is["parameters"], at, roots),
    ...compareRequestBody(objectIn(was["requestBody"]), objectIn(is["requestBody"]), at, roots),
    ...compareMembers(
      promisedOf(was["responses"]),
      promisedOf(is["responses"]),
      (status) => `${at} ${status}`,
      (old, now, place) => compareContents(old["content"], now["content"], "output", place, roots),
    ),
  ]);
}

interface Roots {
  readonly before: Json;
  readonly after: Json;
}

function endpointsOf(document: Json): Json {
  const endpoints = Object.entries(objectIn(document["paths"])).flatMap(([path, methods]) =>
    Object.entries(objectIn(methods)).map(([method, operation]) => [`${method.toUpperCase()} ${path}`, operation]),
  );
  return Object.fromEntries(endpoints) as Json;
}

/** Which statuses of problems an endpoint has may change: callers branch on `code`, and `default` is the shape of all problems. */
function promisedOf(responses: unknown): Json {
  return Object.fromEntries(Object.entries(objectIn(responses)).filter(([status]) => /^(2..|default)$/.test(status)));
}

/** An OpenAPI document without what is not promised, which is most of its text. */
export function promisedOpenApi(document: Json): Json {
  const paths = Object.entries(objectIn(document["paths"])).map(([path, methods]) => [
    path,
    Object.fromEntries(
      Object.entries(objectIn(methods)).map(([method, operation]) => [
        method,
        { ...objectIn(operation), responses: promisedOf(objectIn(operation)["responses"]) },
      ]),
    ),
  ]);
  return { ...document, paths: Object.fromEntries(paths) as Json };
}

function compareSecurity(was: unknown, is: unknown, at: string): ContractChange[] {
  if (isDeepStrictEqual(was, is)) return [];
  const isOpen = Array.isArray(is) && is.length === 0;
  return [{ at, what: `wants ${JSON.stringify(is)} of its callers, not ${JSON.stringify(was)}`, breaking: !isOpen }];
}

function compareParameters(was: unknown, is: unknown, at: string, { before, after }: Roots): ContractChange[] {
  const byName = (list: unknown): Json =>
    Object.fromEntries(
      ((list ?? []) as readonly Json[]).map((one) => [`${String(one["in"])} ${String(one["name"])}`, one]),
    );
  const old = byName(was);
  const now = byName(is);
  const changes = compareMembers(
    old,
    now,
    (key) => `${at} ${key}`,
    (one, other, place) => [
      ...(other["required"] === true && one["required"] !== true
        ? [{ at: place, what: "is required now", breaking: true }]
        : []),
      ...compareSchemas(
        { schema: one["schema"], root: before },
        { schema: other["schema"], root: after },
        "input",
        place,
      ),
    ],
  );
  const forced = Object.entries(now).filter(
    ([key, one]) => !Object.hasOwn(old, key) && objectIn(one)["required"] === true,
  );
  return [...changes, ...forced.map(([key]) => ({ at: `${at} ${key}`, what: "is new and required", breaking: true }))];
}

function compareRequestBody(was: Json, is: Json, at: string, roots: Roots): ContractChange[] {
  const forced = is["required"] === true && was["required"] !== true;
  return [
    ...(forced ? [{ at: `${at} body`, what: "is required now", breaking: true }] : []),
    ...compareContents(was["content"], is["content"], "input", `${at} body`, roots),
  ];
}

function compareContents(
  was: unknown,
  is: unknown,
  direction: Direction,
  at: string,
  { before, after }: Roots,
): ContractChange[] {
  return compareMembers(
    was,
    is,
    (type) => (type === "application/json" ? at : `${at} ${type}`),
    (old, now, place) =>
      compareSchemas({ schema: old["schema"], root: before }, { schema: now["schema"], root: after }, direction, place),
  );
}

function compareAsyncApi(before: Json, after: Json): ContractChange[] {
  return compareMembers(
    before["channels"],
    after["channels"],
    (key) => `channel ${key}`,
    (was, is, at) => [
      ...(was["address"] === is["address"] ? [] : [{ at, what: `is at ${String(is["address"])} now`, breaking: true }]),
      ...compareMembers(
        was["messages"],
        is["messages"],
        (key) => `${at} ${key}`,
        (one, other, place) => {
          const old = objectIn(pointedAt(before, String(one["$ref"])));
          const now = objectIn(pointedAt(after, String(other["$ref"])));
          const direction = isSent(after, is) ? "output" : "input";
          return [
            ...(old["contentType"] === now["contentType"]
              ? []
              : [{ at: place, what: `is ${String(now["contentType"])} now`, breaking: true }]),
            ...["payload", "headers"].flatMap((part) =>
              compareSchemas(
                { schema: old[part], root: before },
                { schema: now[part], root: after },
                direction,
                `${place} ${part}`,
              ),
            ),
          ];
        },
      ),
    ],
  );
}

/** Whether the runtime writes a channel's messages: then it has an operation that sends them. */
function isSent(document: Json, channel: Json): boolean {
  return Object.values(objectIn(document["operations"])).some((operation) => {
    const { action, channel: where } = objectIn(operation) as { readonly action?: unknown; readonly channel?: unknown };
    return action === "send" && pointedAt(document, String(objectIn(where)["$ref"])) === channel;
  });
}

function compareIntents(before: Json, after: Json): ContractChange[] {
  return compareMembers(
    before,
    after,
    (key) => `intent ${key}`,
    (was, is, at) =>
      compareMembers(
        was["$defs"],
        is["$defs"],
        (part) => `${at} ${part}`,
        (old, now, place) => {
          const direction = place.endsWith(" input") ? "input" : "output";
          return compareSchemas({ schema: old, root: old }, { schema: now, root: now }, direction, place);
        },
      ),
  );
}

import { describe, expect, it } from "vitest";
import * as z from "zod";

import { jsonObject } from "../../../shared/json.ts";
import { createIntentCatalog } from "../../../shared/sagas/intent-catalog.ts";
import { intent } from "../../../shared/sagas/intent.ts";

const options = {
  version: 3,
  description: "for tests",
  input: z.object({ file_id: z.string(), note: z.string().optional() }),
  output: jsonObject,
};

const named = (type: string) =>
  intent(type as "a.b", options)
    .step("only", { run: () => ({}) })
    .returns(() => ({}));

describe("the intent builder", () => {
  it("makes a plan that is data: nothing of it runs, and it lists its steps in order", () => {
    const definition = intent("content.parse_file", { ...options, target: { input: "file_id", artifactType: "file" } })
      .step("first", { run: () => Promise.reject(new Error("ran")) })
      .step("second_2", { timeout: "5m", run: () => Promise.reject(new Error("ran")) })
      .returns(() => ({}));
    expect(definition).toMatchObject({
      type: "content.parse_file",
      realm: "content",
      name: "parse_file",
      version: 3,
      inputNames: ["file_id", "note"],
      target: { input: "file_id", artifactType: "file" },
      plan: {
        nodes: [
          { kind: "step", name: "first", timeoutMs: 60_000 },
          { kind: "step", name: "second_2", timeoutMs: 300_000 },
        ],
      },
    });
  });

  it("a builder may be branched: steps that were added to one branch are not in the other", () => {
    const stem = intent("a.b", options).step("one", { run: () => ({}) });
    const long = stem.step("two", { run: () => ({}) }).returns(() => ({}));
    const short = stem.returns(() => ({}));
    expect(long.plan.nodes.map(({ name }) => name)).toEqual(["one", "two"]);
    expect(short.plan.nodes.map(({ name }) => name)).toEqual(["one"]);
  });

  it.each(["", "plain", "a.b.c", ".b", "a.", "A.b", "a.B", "a b.c", "a.b-c", "1a.b", "_a.b", "a.b\n", "a/b.c"])(
    "refuses the type %j",
    (type) => {
      expect(() => named(type)).toThrow(expect.objectContaining({ code: "plan.bad_name" }));
    },
  );

  it.each(["", "Upload", "two words", "a.b", "a/b", "1st", "_x", "a-b", "ä", "__proto__"])(
    "refuses the step name %j",
    (name) => {
      const start = intent("a.b", options);
      expect(() => start.step(name, { run: () => ({}) })).toThrow(expect.objectContaining({ code: "plan.bad_name" }));
    },
  );

  it("refuses two steps of one name", () => {
    const start = intent("a.b", options).step("same", { run: () => ({}) });
    const twice = start.step("same", { run: () => ({}) });
    expect(() => twice.returns(() => ({}))).toThrow(expect.objectContaining({ code: "plan.duplicate_name" }));
  });

  it("refuses a plan without a step", () => {
    expect(() => intent("a.b", options).returns(() => ({}))).toThrow(expect.objectContaining({ code: "plan.empty" }));
  });

  it("refuses a time-out that is no duration", () => {
    const start = intent("a.b", options);
    expect(() => start.step("s", { timeout: "5 minutes" as "5m", run: () => ({}) })).toThrow(
      expect.objectContaining({ code: "duration.invalid" }),
    );
  });
});

describe("the intent catalog", () => {
  it("finds an intent by its type and by its name alone", () => {
    const [one, two] = [named("a.one"), named("b.two")];
    const catalog = createIntentCatalog([one, two]);
    expect(catalog.definitions).toEqual([one, two]);
    expect(catalog.find("a.one")).toBe(one);
    expect(catalog.find("two")).toBe(two);
  });

  it.each(["a.two", "b.one", "a", "", "a.one.x", "__proto__", "constructor", "toString"])(
    "does not know %j",
    (type) => {
      expect(createIntentCatalog([named("a.one"), named("b.two")]).find(type)).toBeUndefined();
    },
  );

  it.each([
    ["the same type", "a.one"],
    ["the same name in another realm", "b.one"],
  ])("refuses two intents of %s", (_, type) => {
    expect(() => createIntentCatalog([named("a.one"), named(type)])).toThrow(
      expect.objectContaining({ code: "catalog.duplicate" }),
    );
  });
});

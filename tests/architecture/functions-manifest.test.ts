import { readdir, readFile } from "node:fs/promises";
import path from "node:path";

import { Ajv2020 } from "ajv/dist/2020.js";
import { describe, expect, it } from "vitest";
import * as z from "zod";

import { intents } from "../../functions/catalog.ts";
import { jobs } from "../../functions/platform/jobs.ts";
import { checkNames, functionSpecs, hasGuest } from "../../infra/build/functions.ts";
import { functionsManifest } from "../../infra/build/manifest.ts";
import type { Manifest } from "../../infra/build/manifest-form.ts";
import { loadConfig } from "../../shared/config.ts";
import { workMs } from "../../shared/executions/function-length.ts";
import { worksOf } from "../../shared/sagas/check-plan.ts";
import { loadRunnerConfig } from "../../shared/wasm/runner-config.ts";
import { topicsOf } from "../../shared/state/topics.ts";
import { plainIntent } from "../kit/plain-intent.ts";

const FOLDER = path.resolve(import.meta.dirname, "../../infra/schema");
const committed = async (file: string): Promise<unknown> => JSON.parse(await readFile(path.join(FOLDER, file), "utf8"));

/** Values for what a deployment has to give, by the names of the variables. */
const GIVEN: Readonly<Record<string, string>> = {
  GCS_BUCKET: "bucket",
  GOOGLE_CLOUD_PROJECT: "project",
  OIDC_AUDIENCE: "audience",
  OIDC_ISSUER: "https://issuer.example",
  PUSH_AUDIENCE: "audience",
  PUSH_SERVICE_ACCOUNT: "push@project.iam.gserviceaccount.com",
  REDIS_URL: "rediss://:secret@10.0.0.3:6379",
  UPSTASH_REDIS_REST_URL: "https://redis.example",
  UPSTASH_REDIS_REST_TOKEN: "secret",
};
const given = (names: readonly string[]): Record<string, string> =>
  Object.fromEntries(names.map((name) => [name, GIVEN[name] ?? `no value for ${name} in this test`]));

describe("the functions manifest", () => {
  it("is valid under the JSON Schema that lies beside it, which refuses what deployments could not read", async () => {
    const manifest = (await committed("functions.manifest.json")) as Manifest;
    const validate = new Ajv2020({ strict: true }).compile(
      (await committed("functions.manifest.schema.json")) as object,
    );
    validate(manifest);
    expect(validate.errors).toBeNull();
    const [first] = manifest.functions;
    expect(validate({ ...manifest, functions: [{ ...first, memory_mb: "512Mi" }] })).toBe(false);
    expect(validate({ ...manifest, functions: [{ ...first, memory: 512 }] })).toBe(false);
  });

  it("has one function for each intent, each job and the API, the runner of guests, and a topic for each intent and no other", () => {
    const { functions } = functionsManifest(functionSpecs());
    expect(functions.map(({ name }) => name)).toEqual([
      ...intents.map(({ name }) => name),
      "runtime_api",
      ...jobs.map(({ name }) => name),
      "wasm_runner",
    ]);
    const topics = functions.flatMap(({ triggers }) => triggers.topic ?? []);
    expect(topics).toEqual(topicsOf(intents.map(({ type }) => type)).slice(2));
  });

  it("is not made of two functions of one name: intents of two realms, or an intent and a job", () => {
    const specs = functionSpecs();
    const intent = specs.find(({ intentType }) => intentType === "content.ingest_file");
    const job = specs.find(({ kind }) => kind === "job");
    if (intent === undefined || job === undefined) throw new Error("there is an intent and a job");
    expect(() => checkNames(specs)).not.toThrow();
    for (const other of [
      { ...intent, intentType: "other.ingest_file" },
      { ...intent, name: job.name },
    ]) {
      const code = expect.objectContaining({ code: "catalog.duplicate_function" }) as Error;
      expect(() => checkNames([...specs, other])).toThrow(code);
    }
  });

  it("makes one function of all versions of an intent, with what any of them calls", () => {
    const [called, other] = ["test.called", "test.other"].map((type) =>
      plainIntent(type as "test.called")
        .step("a", { run: () => ({}) })
        .returns(() => ({})),
    );
    if (called === undefined || other === undefined) throw new Error("there are two");
    const old = plainIntent("test.grown", { version: 2 })
      .call("c", { intent: called, input: () => ({}) })
      .returns(() => ({}));
    const now = plainIntent("test.grown", { version: 3 })
      .step("a", { run: () => ({}) })
      .returns(() => ({}));
    const specs = functionSpecs([old, called, other, now]).filter(({ kind }) => kind === "intent");
    expect(specs.map(({ name }) => name)).toEqual(["grown", "called", "other"]);
    const lines = specs[0]?.entry.split("\n");
    expect(lines).toContain('import { grown as intent0 } from "./functions/test/grown.ts";');
    expect(lines).toContain('import { grownV2 as intent1 } from "./functions/test/grown-v2.ts";');
    expect(lines).toContain('import { called as intent2 } from "./functions/test/called.ts";');
    expect(lines).toContain("const made = intentFunction(intent0, [intent1, intent2]);");
  });

  it("gives every function time for each step that it runs", () => {
    const { functions } = functionsManifest(functionSpecs());
    for (const { timeout_seconds, intent_type } of functions.filter(({ kind }) => kind !== "runner")) {
      const runs = intent_type === null ? intents : intents.filter(({ type }) => type === intent_type);
      for (const [, { timeoutMs }] of runs.flatMap(({ plan }) => plan.nodes.flatMap(worksOf))) {
        expect(timeoutMs).toBeLessThanOrEqual(workMs(timeout_seconds * 1_000));
      }
    }
  });

  it("gives every variable that holds a secret as a secret", async () => {
    const folder = path.resolve(import.meta.dirname, "../../shared");
    const files = (await readdir(folder)).filter((file) => file.startsWith("config"));
    const sources = await Promise.all(files.map((file) => readFile(path.join(folder, file), "utf8")));
    const named = sources.join("\n").match(/\b[A-Z]\w*_(?:PASSWORD|TOKEN|SECRET|KEY)\b|\b(?:DATABASE|REDIS)_URL\b/g);
    const [first] = functionsManifest(functionSpecs()).functions;
    expect(first?.secrets).toEqual([...new Set(named)].toSorted());
  });

  it("names all that a function needs to start with either Redis, and nothing that it can do without", () => {
    const { functions, redis } = functionsManifest(functionSpecs());
    for (const choice of Object.values(redis)) {
      for (const { environment, environment_needed, secrets } of functions.filter(({ kind }) => kind !== "runner")) {
        expect(secrets).toEqual(expect.arrayContaining([...choice.secrets]));
        const needed = [...environment_needed, ...choice.environment_needed, ...choice.secrets];
        const whole = { K_SERVICE: "function", PORT: "8080", ...environment, ...given(needed) };
        expect(loadConfig(whole)).toMatchObject({ mode: "production", store: { kind: "tiered" } });
        for (const name of needed) {
          expect(() => loadConfig({ ...whole, [name]: undefined }), `without ${name}`).toThrow(name);
        }
      }
    }
  });

  it("has the runner of guests start with what it is given, which is no secret and nothing of a store", () => {
    const { functions } = functionsManifest(functionSpecs());
    const [runner, ...others] = functions.filter(({ kind }) => kind === "runner");
    expect(others).toEqual([]);
    expect(runner).toMatchObject({ environment_needed: [], secrets: [], triggers: { topic: null, schedule: null } });
    expect(Object.keys(runner?.environment ?? {})).toEqual(["MODE", "HOST"]);
    const started = loadRunnerConfig({ K_SERVICE: "wasm-runner", PORT: "8080", ...runner?.environment });
    expect(started).toMatchObject({ mode: "production", host: "0.0.0.0", port: 8080, registration: undefined });
  });

  it("has the runner called by what may run guests: the API, the sweep, and intents with a step of theirs", () => {
    const module = { sha256: "a".repeat(64) };
    const guest = { module, capabilities: [], input: () => null, output: z.object({}) };
    const own = { run: () => ({}) };
    expect(
      hasGuest(
        plainIntent("test.own")
          .step("only", own)
          .returns(() => ({})),
      ),
    ).toBe(false);
    expect(
      hasGuest(
        plainIntent("test.guest")
          .step("own", own)
          .wasm("guest", guest)
          .returns(() => ({})),
      ),
    ).toBe(true);

    const withGuest = intents.filter(hasGuest).map(({ name }) => name);
    const { functions } = functionsManifest(functionSpecs());
    const callers = functions.filter(({ calls_runner }) => calls_runner).map(({ name }) => name);
    expect(callers).toEqual([...withGuest, "runtime_api", "recovery_sweep"]);
  });
});

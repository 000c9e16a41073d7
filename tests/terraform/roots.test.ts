import { afterAll, describe, expect, it } from "vitest";
import * as z from "zod";

import { POLICIES } from "../../infra/dev/terraform/policies/every-policy.ts";
import { openProviderHost } from "../../infra/dev/terraform/provider-host.ts";
import { serviceForm } from "../../infra/dev/terraform/resource-forms.ts";
import { copyTerraformTree } from "../../infra/dev/terraform/terraform-tree.ts";
import { jobs } from "../../functions/platform/jobs.ts";
import { loadConfig } from "../../shared/config.ts";
import { loadRunnerConfig } from "../../shared/wasm/runner-config.ts";
import { createJobApp } from "../../shared/http/function-app.ts";
import { withParts } from "../kit/parts.ts";
import { openRuntime } from "../kit/runtime.ts";
import { lazy } from "./lazy.ts";
import { DEV, planAgain, PROD, PROD_WITH_ALL, stubApply, type Variant } from "./stub-apply.ts";
import { fetchApp } from "../kit/fetch-app.ts";

const VARIANTS: readonly (readonly [name: string, variant: Variant])[] = [
  ["dev with ArangoDB", DEV],
  ["prod", PROD],
  ["prod with Memorystore, ArangoDB, models, guests, Supabase as the issuer and a restored database", PROD_WITH_ALL],
];
const JOB_URL = "http://job.example.com/";
const CONTROL_PLANE: readonly Variant[] = [{ root: "control-plane/cluster" }, { root: "control-plane/workloads" }];

withParts(["terraform"], () => {
  const host = lazy(openProviderHost);
  afterAll(async () => (await host.made())?.[Symbol.asyncDispose]());

  describe.each(VARIANTS)("%s, applied on stub providers", (_, variant) => {
    const tree = lazy(copyTerraformTree);
    const applied = lazy(async () => stubApply(await host(), tree(), variant));
    afterAll(() => tree.made()?.[Symbol.dispose]());

    it.each(Object.entries(POLICIES))("%s", async (_policy, policy) => {
      const { deployment } = await applied();
      expect(policy(deployment)).toEqual([]);
    });

    it("every function starts in its environment: the configuration takes all of it, and asks for nothing more", async () => {
      const { deployment } = await applied();
      const services = deployment.state.all("google_cloud_run_v2_service", serviceForm);
      expect(services.length).toBe(deployment.manifest.functions.length);
      for (const { name, template } of services) {
        const env = (template?.containers[0]?.env ?? []).map(
          // A secret's value is what Cloud Run would put in its place.
          ({ name: variable, value, value_source }): readonly [string, string] => [
            variable,
            value_source === undefined ? (value ?? "") : secretValue(variable),
          ],
        );
        const whole = { ...Object.fromEntries(env), K_SERVICE: name, PORT: "8080" };
        const entry = deployment.manifest.functions.find((each) => each.name === template?.containers[0]?.args?.[0]);
        if (entry?.kind === "runner") {
          expect(loadRunnerConfig(whole)).toMatchObject({
            mode: "production",
            host: "0.0.0.0",
            port: 8080,
            callers: undefined,
            registration: undefined,
          });
          continue;
        }
        const config = loadConfig(whole);
        expect(config).toMatchObject({
          mode: "production",
          host: "0.0.0.0",
          store: {
            kind: "tiered",
            cold: {
              kind: "firestore",
              emulatorHost: undefined,
              databaseId: variant === PROD_WITH_ALL ? "restored" : "(default)",
            },
          },
          objects: { kind: "gcs", emulatorUrl: undefined },
          bus: {
            kind: "pubsub",
            emulatorHost: undefined,
            timers: {
              queue: expect.stringMatching(/\/queues\/timers$/),
              serviceAccount: expect.stringMatching(/^timers@/),
              emulatorHost: undefined,
            },
          },
          records: { kind: variant === DEV ? "none" : "postgres" },
          graph: { kind: variant === PROD ? "none" : "arango" },
          identity: { kind: "oidc", audience: "symphainy" },
          wasm:
            variant === PROD_WITH_ALL && entry?.calls_runner === true
              ? { kind: "service", url: expect.stringMatching(/^https:/) }
              : { kind: "off" },
          pushes: { serviceAccount: expect.stringMatching(/^pubsub-pushes@/) },
          functionTimeoutMs: Number(template?.timeout?.replace("s", "")) * 1_000,
        });
      }
    });

    it("the numbers that alerts are about are in what the jobs log", async () => {
      const { deployment } = await applied();
      const metrics = deployment.state
        .all("google_logging_metric", z.object({ filter: z.string(), value_extractor: z.string().nullish() }))
        .filter(({ filter }) => filter.includes("jsonPayload.job="));
      expect(metrics).toHaveLength(2);
      await using runtime = await openRuntime();
      for (const job of jobs)
        await fetchApp(createJobApp(runtime.services, job), new Request(JOB_URL, { method: "POST" }));
      for (const { filter, value_extractor } of metrics) {
        const wanted = Object.fromEntries(
          [...filter.matchAll(/jsonPayload\.(\w+)="([^"]*)"/g)].map(([, field = "", value = ""]) => [field, value]),
        );
        const field = /^EXTRACT\(jsonPayload\.(\w+)\)$/.exec(value_extractor ?? "")?.[1] ?? "";
        expect(wanted).toMatchObject({ message: expect.any(String), job: expect.any(String) });
        expect(runtime.logged).toContainEqual(
          expect.objectContaining({ ...wanted, severity: "INFO", [field]: expect.any(Number) }),
        );
      }
    });

    it("keeps what is given as a secret out of the state", async () => {
      const { json } = await applied();
      for (const secret of ["the-key-of-upstash", "the-key-of-the-models", "the-password-of-the-graph"])
        expect(json).not.toContain(secret);
    });

    it("a second plan changes nothing", async () => {
      await applied();
      const { ok, output } = await planAgain(await host(), tree(), variant);
      expect({ ok, output }).toMatchObject({ ok: true, output: expect.stringContaining("No changes.") });
    });
  });

  describe.each(CONTROL_PLANE)("$root, applied on stub providers", (variant) => {
    it("is whole, grants to nobody in general, and a second plan changes nothing", async () => {
      using tree = copyTerraformTree();
      const { deployment } = await stubApply(await host(), tree, variant);
      expect(POLICIES["nobodyIsEverybody"]?.(deployment)).toEqual([]);
      expect((await planAgain(await host(), tree, variant)).output).toContain("No changes.");
    });
  });
});

/** A value as each secret has in that place. */
function secretValue(variable: string): string {
  if (variable === "REDIS_URL") return "redis://:password@10.0.0.3:6379";
  if (variable === "SUBJECT_MASTER_KEY") return "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=";
  return variable === "DATABASE_URL" ? "postgresql://postgres:password@pooler.example.com:6543/postgres" : "a-secret";
}

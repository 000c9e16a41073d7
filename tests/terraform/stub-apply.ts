import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";

import { manifestForm } from "../../infra/build/manifest-form.ts";
import { readAppliedState } from "../../infra/dev/terraform/applied-state.ts";
import { firestoreIndexesForm } from "../../infra/dev/terraform/firestore-indexes.ts";
import type { Deployment } from "../../infra/dev/terraform/policies/deployment.ts";
import type { ProviderHost } from "../../infra/dev/terraform/provider-host.ts";
import { runTerraform, type TerraformRun } from "../../infra/dev/terraform/run-terraform.ts";
import type { TerraformTree } from "../../infra/dev/terraform/terraform-tree.ts";

/** A root as somebody would apply it. */
export interface Variant {
  readonly root: string;
  /** Beside example.tfvars of the root, and over it. */
  readonly variables?: Readonly<Record<string, unknown>>;
  /** Secrets, which no file holds. */
  readonly env?: Readonly<Record<string, string>>;
}

const UPSTASH = { TF_VAR_upstash_api_key: "the-key-of-upstash" };

const ARANGODB = {
  region: "gcp-europe-west3",
  node_size_id: "c4-a4",
  disk_gb: 20,
  allowed_ranges: ["203.0.113.0/24"],
  url: "https://graph.example.com:8529",
};
const GRAPH_PASSWORD = { TF_VAR_arangodb_password: "the-password-of-the-graph" };

export const DEV: Variant = {
  root: "envs/dev",
  variables: { arangodb: ARANGODB },
  env: { ...UPSTASH, ...GRAPH_PASSWORD },
};
const SUPABASE = { TF_VAR_supabase_database_password: "the-password-of-postgres" };
export const PROD: Variant = { root: "envs/prod", env: { ...UPSTASH, ...SUPABASE } };
/** Everything that can be chosen instead, or besides. */
export const PROD_WITH_ALL: Variant = {
  root: "envs/prod",
  variables: {
    redis: { kind: "memorystore", memory_gb: 5 },
    oidc: { audience: "symphainy" },
    arangodb: ARANGODB,
    // As after a restore.
    firestore_database: "restored",
    models: { kind: "openai", embedding: "text-embedding-3-small" },
    takes_subjects: true,
    takes_guests: true,
  },
  env: {
    ...SUPABASE,
    TF_VAR_model_api_key: "the-key-of-the-models",
    TF_VAR_subject_master_key: "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=",
    ...GRAPH_PASSWORD,
  },
};

export interface Applied {
  /** What `terraform show -json` tells of the state. */
  readonly json: string;
  readonly deployment: Deployment;
}

/** Throws with what terraform said when init or apply fails. */
export async function stubApply(host: ProviderHost, tree: TerraformTree, variant: Variant): Promise<Applied> {
  await expectOk(inRoot(host, tree, variant, "init"));
  await expectOk(inRoot(host, tree, variant, "apply", "-auto-approve", ...varFiles(tree, variant)));
  const { stdout } = await expectOk(inRoot(host, tree, variant, "show", "-json"));
  return { json: stdout, deployment: readDeployment(stdout, tree, variant) };
}

/** What terraform would change now that it has applied all. */
export function planAgain(host: ProviderHost, tree: TerraformTree, variant: Variant): Promise<TerraformRun> {
  return inRoot(host, tree, variant, "plan", "-detailed-exitcode", ...varFiles(tree, variant));
}

function inRoot(
  host: ProviderHost,
  tree: TerraformTree,
  { root, env }: Variant,
  command: string,
  ...args: readonly string[]
): Promise<TerraformRun> {
  return runTerraform(tree.at(root), [command, ...args], { ...host.env, ...env });
}

function varFiles(tree: TerraformTree, { root, variables = {} }: Variant): readonly string[] {
  writeFileSync(tree.at(path.join(root, "variant.tfvars.json")), JSON.stringify(variables));
  return ["-var-file=example.tfvars", "-var-file=variant.tfvars.json"];
}

function readDeployment(json: string, tree: TerraformTree, { root, variables }: Variant): Deployment {
  const read = (file: string): unknown => JSON.parse(readFileSync(tree.at(`../infra/schema/${file}`), "utf8"));
  const manifest = manifestForm.parse(read("functions.manifest.json"));
  const takesGuests = variables?.["takes_guests"] === true;
  const functions = manifest.functions.filter(({ kind }) => takesGuests || kind !== "runner");
  return {
    state: readAppliedState(json),
    manifest: { ...manifest, functions },
    indexes: firestoreIndexesForm.parse(read("firestore.indexes.json")),
    protected: root === "envs/prod",
  };
}

async function expectOk(running: Promise<TerraformRun>): Promise<TerraformRun> {
  const run = await running;
  if (!run.ok) throw new Error(run.output);
  return run;
}

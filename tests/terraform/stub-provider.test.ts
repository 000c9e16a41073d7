import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { openProviderHost, type ProviderHost } from "../../infra/dev/terraform/provider-host.ts";
import { runTerraform } from "../../infra/dev/terraform/run-terraform.ts";
import { withParts } from "../kit/parts.ts";

const PROVIDERS = `
terraform {
  required_providers {
    google = { source = "hashicorp/google" }
  }
}
`;
const TOPIC = 'name = "some-topic"';
const SUBSCRIPTION = 'name = "some-subscription"\n  topic = "some-topic"';
const SERVICE_TEMPLATE = 'template {\n    containers {\n      image = "image"\n    }\n  }';

const resource = (type: string, body: string): string => `resource "${type}" "this" {\n  ${body}\n}\n`;

/** What a real provider takes. */
const GOOD: readonly (readonly [what: string, config: string])[] = [
  ["a topic", resource("google_pubsub_topic", TOPIC)],
  [
    "a subscription that pushes",
    resource("google_pubsub_subscription", `${SUBSCRIPTION}\n push_config {\n push_endpoint = "https://a" \n }`),
  ],
  ["a service", resource("google_cloud_run_v2_service", `name = "a"\n location = "b"\n ${SERVICE_TEMPLATE}`)],
];

/** What it refuses, and what is said of it. */
const BAD: readonly (readonly [what: string, config: string, says: RegExp])[] = [
  [
    "an argument that there is not",
    resource("google_pubsub_topic", `${TOPIC}\n  nmae = "x"`),
    /argument named "nmae" is not expected/,
  ],
  [
    "a block that there is not",
    resource("google_pubsub_topic", `${TOPIC}\n  push_config {}`),
    /Blocks of type "push_config" are not expected/,
  ],
  ["a type that there is not", resource("google_pubsub_topik", TOPIC), /does not support resource type/],
  ["a required argument that is missing", resource("google_pubsub_topic", ""), /The argument "name" is required/],
  [
    "a required block that is missing",
    resource("google_cloud_run_v2_service", 'name = "a"\n location = "b"'),
    /At least 1 "template" blocks are required/,
  ],
  [
    "a block twice that may be there once",
    resource("google_pubsub_subscription", `${SUBSCRIPTION}\n retry_policy {}\n retry_policy {}`),
    /No more than 1 "retry_policy" blocks are allowed/,
  ],
  ["a list where a text belongs", resource("google_pubsub_topic", 'name = ["a"]'), /string required/],
  [
    "a text where a number belongs",
    resource("google_pubsub_subscription", `${SUBSCRIPTION}\n ack_deadline_seconds = "long"`),
    /a number is\s+required/,
  ],
  [
    "an argument that is read-only",
    resource("google_service_account", 'account_id = "some-account"\n email = "a@b.c"'),
    /email is read-only/,
  ],
  [
    "a value that is not documented",
    resource("google_cloud_run_v2_service", `name = "a"\n location = "b"\n ingress = "ALL"\n ${SERVICE_TEMPLATE}`),
    /ingress must be one of INGRESS_TRAFFIC_ALL/,
  ],
  [
    "a number out of its range",
    resource("google_pubsub_subscription", `${SUBSCRIPTION}\n ack_deadline_seconds = 3600`),
    /ack_deadline_seconds must be from 10 to 600/,
  ],
  [
    "a text that does not match",
    resource("google_service_account", 'account_id = "no_such_account"'),
    /account_id must match/,
  ],
  [
    "two that exclude each other",
    resource("google_secret_manager_secret_version", 'secret = "a"\n secret_data = "b"\n secret_data_wo = "b"'),
    /exactly one of secret_data, secret_data_wo must be set, not 2/,
  ],
  [
    "neither of two of which one is needed",
    resource("google_secret_manager_secret", 'secret_id = "a"\n replication {}'),
    /exactly one of replication.auto, replication.user_managed must be set, not 0/,
  ],
];

withParts(["terraform"], () => {
  let host: ProviderHost;
  let folder: string;
  const validate = async (config: string) => {
    writeFileSync(path.join(folder, "main.tf"), PROVIDERS + config);
    return runTerraform(folder, ["validate"], host.env);
  };

  beforeAll(async () => {
    host = await openProviderHost();
    folder = mkdtempSync(path.join(tmpdir(), "terraform-stub-test-"));
    writeFileSync(path.join(folder, "main.tf"), PROVIDERS);
    const { ok, output } = await runTerraform(folder, ["init"], host.env);
    expect({ ok, output }).toMatchObject({ ok: true });
  });
  afterAll(async () => {
    rmSync(folder, { recursive: true });
    await host[Symbol.asyncDispose]();
  });

  describe("the stub providers", () => {
    it.each(GOOD)("take %s", async (_, config) => {
      const { ok, output } = await validate(config);
      expect({ ok, output }).toMatchObject({ ok: true });
    });

    it.each(BAD)("refuse %s", async (_, config, says) => {
      const { ok, output } = await validate(config);
      expect({ ok, output }).toMatchObject({ ok: false, output: expect.stringMatching(says) });
    });
  });
});

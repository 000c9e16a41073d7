import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";

import { expect, it } from "vitest";

import type { ProviderSchema } from "../../infra/dev/terraform/provider-schema.ts";
import { typesInUse } from "../../infra/dev/terraform/types-in-use.ts";

const SCHEMAS = path.resolve(import.meta.dirname, "../../infra/dev/terraform/schemas");
const TERRAFORM = path.resolve(import.meta.dirname, "../../terraform");

it.each(readdirSync(SCHEMAS))("%s knows the types that are in use, and no others", (file) => {
  const schema = JSON.parse(readFileSync(path.join(SCHEMAS, file), "utf8")) as ProviderSchema;
  const known = [...Object.keys(schema.resources), ...Object.keys(schema.data_sources).map((type) => `data.${type}`)];
  expect(known.toSorted()).toEqual([...typesInUse(TERRAFORM, path.basename(file, ".json"))].toSorted());
  expect(schema.source).toMatch(/@cdktf\/provider-\w+@\d|written by hand from the provider's documentation/);
});

import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import path from "node:path";

import * as z from "zod";

import { readCdktfSource } from "./cdktf-source.ts";
import type { Block, ProviderSchema } from "./provider-schema.ts";
import { schemaOfSource } from "./schema-of-source.ts";
import { typesInUse } from "./types-in-use.ts";

const packageSchema = z.object({
  name: z.string(),
  version: z.string(),
  cdktf: z.object({ provider: z.object({ name: z.string(), version: z.string() }) }),
});
/** What no generated code tells: attributes that are secrets. */
const SENSITIVE: Readonly<Record<string, readonly string[]>> = {
  google_redis_instance: ["auth_string"],
  google_secret_manager_secret_version: ["secret_data", "secret_data_wo"],
  google_client_config: ["access_token"],
};

/**
 * `node infra/dev/terraform/extract-schemas.ts <folder of an unpacked @cdktf/provider-* package> ...`: writes the schemas of the types
 * that terraform/ uses to schemas/. Not part of a build: run it when a type or a provider's version is new (terraform/README.md).
 */
for (const folder of process.argv.slice(2)) extract(folder);

function extract(folder: string): void {
  const { name, version, cdktf } = packageSchema.parse(
    JSON.parse(readFileSync(path.join(folder, "package.json"), "utf8")),
  );
  const short = cdktf.provider.name.split("/").at(-1) ?? "";
  const wanted = typesInUse(path.resolve(import.meta.dirname, "../../../terraform"), short);
  const resources: Record<string, Block> = {};
  const data_sources: Record<string, Block> = {};
  let provider: Block = { attributes: {}, block_types: {} };
  const lib = path.join(folder, "lib");
  for (const entry of readdirSync(lib)) {
    const at = path.join(lib, entry);
    if (!statSync(at).isDirectory() || !mayBeWanted(entry, short, wanted)) continue;
    const source = readCdktfSource(at);
    if (source === undefined) continue;
    if (source.kind === "TerraformProvider") provider = settableOnly(schemaOfSource(source));
    else if (source.kind === "TerraformDataSource" && wanted.has(`data.${source.typeName}`))
      data_sources[source.typeName] = withSecrets(source.typeName, schemaOfSource(source));
    else if (source.kind === "TerraformResource" && wanted.has(source.typeName))
      resources[source.typeName] = withSecrets(source.typeName, schemaOfSource(source));
  }
  const found = new Set([...Object.keys(resources), ...Object.keys(data_sources).map((type) => `data.${type}`)]);
  const missing = [...wanted].filter((type) => !found.has(type));
  if (missing.length > 0) throw new Error(`${name}@${version} does not have ${missing.join(", ")}`);
  const schema: ProviderSchema = {
    address: cdktf.provider.name,
    source: `${name}@${version}, made from ${cdktf.provider.name} ${cdktf.provider.version}`,
    provider,
    resources: sorted(resources),
    data_sources: sorted(data_sources),
  };
  const file = path.join(import.meta.dirname, "schemas", `${short}.json`);
  writeFileSync(file, `${JSON.stringify(schema)}\n`);
  console.log(`${file}: ${found.size} types, ${statSync(file).size} bytes`);
}

/** Folders are called `pubsub-topic` or `data-google-project`; to read all of them takes a minute. */
function mayBeWanted(folder: string, provider: string, wanted: ReadonlySet<string>): boolean {
  if (folder === "provider") return true;
  const isData = folder.startsWith("data-");
  const snake = folder.replace(/^data-/, "").replaceAll("-", "_");
  const flat = (text: string): string => text.replaceAll("_", "");
  return [...wanted].some(
    (type) =>
      type.startsWith("data.") === isData &&
      [flat(snake), flat(`${provider}_${snake}`)].includes(flat(type.replace(/^data\./, ""))),
  );
}

function settableOnly({ attributes, block_types }: Block): Block {
  const own = Object.entries(attributes).filter(([name]) => name !== "alias");
  const optional = own.map(([name, { type }]) => [name, { type, optional: true }] as const);
  return { attributes: Object.fromEntries(optional), block_types };
}

function withSecrets(typeName: string, block: Block): Block {
  const secrets = SENSITIVE[typeName] ?? [];
  const marked = Object.entries(block.attributes).map(
    ([name, attribute]) => [name, secrets.includes(name) ? { ...attribute, sensitive: true } : attribute] as const,
  );
  return { ...block, attributes: Object.fromEntries(marked) };
}

function sorted(blocks: Readonly<Record<string, Block>>): Readonly<Record<string, Block>> {
  return Object.fromEntries(Object.entries(blocks).toSorted(([one], [other]) => (one < other ? -1 : 1)));
}

/**
 * `node infra/build/contracts.ts`: fails when what others rely on is not what was last accepted, and says which change breaks them.
 * `--accept` accepts what breaks nobody, `--accept-breaking` everything.
 */
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";

import { intents } from "../../functions/catalog.ts";
import { loadConfig } from "../../shared/config.ts";
import { createServices } from "../../shared/create-services.ts";
import { RuntimeError } from "../../shared/errors.ts";
import { createApp } from "../../shared/http/app.ts";
import { schemaPath } from "../../shared/http/json-schemas.ts";
import { createAdapters } from "../create-adapters.ts";
import { compareContracts, type Contracts, promisedOpenApi } from "./contract-documents.ts";
import type { Json } from "./contract-schemas.ts";

const FOLDER = path.resolve(import.meta.dirname, "../schema/contracts");
const NAMES = ["openapi", "asyncapi", "intents"] as const;
const EMPTY: Contracts = { openapi: {}, asyncapi: {}, intents: {} };

const acceptsAll = process.argv.includes("--accept-breaking");
const accepts = acceptsAll || process.argv.includes("--accept");
const current = await servedContracts();
const changes = compareContracts(await acceptedContracts(), current);
const breaking = changes.filter((change) => change.breaking);

for (const { at, what, breaking: breaks } of changes) console.log(`${breaks ? "BREAKS" : "new   "} ${at}: ${what}`);
if (changes.length === 0) {
  console.log("The contracts are what was accepted.");
} else if (accepts && (acceptsAll || breaking.length === 0)) {
  await accept(current);
  console.log(`Accepted ${changes.length} changes; commit infra/schema/contracts with what made them.`);
} else {
  const remedy =
    breaking.length === 0
      ? "They break nobody: npm run contracts -- --accept"
      : "Keep to what was promised, or give the intent a new version beside the old one; where they must break: npm run contracts -- --accept-breaking";
  console.log(`${changes.length} changes of the contracts, ${breaking.length} of them breaking. ${remedy}`);
  process.exitCode = 1;
}

/** What a runtime of this build serves. */
async function servedContracts(): Promise<Contracts> {
  const folder = await mkdtemp(path.join(tmpdir(), "contracts-"));
  const config = loadConfig({ DATA_DIR: folder, LOG_LEVEL: "error" });
  const adapters = await createAdapters(config);
  try {
    const app = createApp(createServices(config, adapters, intents));
    const get = async (where: string): Promise<Json> => {
      const answer = await app.fetch(new Request(`http://localhost${where}`));
      if (!answer.ok) throw new RuntimeError("contracts.not_served", `${where} answers ${answer.status}.`);
      return (await answer.json()) as Json;
    };
    const schemas = await Promise.all(
      intents.map(async (intent) => [`${intent.type}.${intent.version}`, await get(schemaPath(intent))] as const),
    );
    return {
      openapi: promisedOpenApi(await get("/openapi.json")),
      asyncapi: await get("/asyncapi.json"),
      intents: Object.fromEntries(schemas),
    };
  } finally {
    await adapters.close();
    await rm(folder, { recursive: true, force: true });
  }
}

async function acceptedContracts(): Promise<Contracts> {
  const read = async (name: keyof Contracts) => {
    try {
      return [name, JSON.parse(await readFile(fileOf(name), "utf8")) as Json] as const;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return [name, EMPTY[name]] as const;
      throw error;
    }
  };
  return Object.fromEntries(await Promise.all(NAMES.map(read))) as unknown as Contracts;
}

async function accept(contracts: Contracts): Promise<void> {
  await mkdir(FOLDER, { recursive: true });
  for (const name of NAMES) await writeFile(fileOf(name), `${JSON.stringify(contracts[name], undefined, 1)}\n`);
}

function fileOf(name: keyof Contracts): string {
  return path.join(FOLDER, `${name}.json`);
}

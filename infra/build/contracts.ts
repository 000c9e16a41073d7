/**
 * `node infra/build/contracts.ts`: fails when what others rely on is not what was last accepted, and says which change breaks them.
 * `--accept` accepts what breaks nobody, `--accept-breaking` everything.
 */
import { mkdir, readFile, writeFile } from "node:fs/promises";
import path from "node:path";

import { compareContracts, type Contracts, promisedOpenApi } from "./contract-documents.ts";
import type { Json } from "./contract-schemas.ts";
import { servedContracts } from "./served-contracts.ts";

const FOLDER = path.resolve(import.meta.dirname, "../schema/contracts");
const NAMES = ["openapi", "asyncapi", "intents"] as const;
const EMPTY: Contracts = { openapi: {}, asyncapi: {}, intents: {} };

const acceptsAll = process.argv.includes("--accept-breaking");
const accepts = acceptsAll || process.argv.includes("--accept");
const served = await servedContracts();
const current: Contracts = { ...served, openapi: promisedOpenApi(served.openapi) };
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

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";

import { intents } from "../../functions/catalog.ts";
import { loadConfig } from "../../shared/config.ts";
import { createServices } from "../../shared/create-services.ts";
import { RuntimeError } from "../../shared/errors.ts";
import { createApp } from "../../shared/http/app.ts";
import { OwnRequest } from "../../shared/http/http-request.ts";
import { schemaPath } from "../../shared/http/json-schemas.ts";
import { createAdapters } from "../create-adapters.ts";
import type { Contracts } from "./contract-documents.ts";
import type { Json } from "./contract-schemas.ts";

/** What a runtime of this build serves: the documents that its callers and subscribers rely on. */
export async function servedContracts(): Promise<Contracts> {
  const folder = await mkdtemp(path.join(tmpdir(), "contracts-"));
  const config = loadConfig({ DATA_DIR: folder, LOG_LEVEL: "error" });
  const adapters = await createAdapters(config);
  try {
    const app = createApp(createServices(config, adapters, intents));
    const get = async (where: string): Promise<Json> => {
      const { status, body } = await app.handle(new OwnRequest("GET", where));
      if (status !== 200 || typeof body !== "string")
        throw new RuntimeError("contracts.not_served", `${where} answers ${status}.`);
      return JSON.parse(body) as Json;
    };
    const schemas = await Promise.all(
      intents.map(async (intent) => [`${intent.type}.${intent.version}`, await get(schemaPath(intent))] as const),
    );
    return {
      openapi: await get("/openapi.json"),
      asyncapi: await get("/asyncapi.json"),
      intents: Object.fromEntries(schemas),
    };
  } finally {
    await adapters.close();
    await rm(folder, { recursive: true, force: true });
  }
}

import { notFound } from "../../errors.ts";
import type { RuntimeServices } from "../../services.ts";
import { asyncApiDocument } from "../async-api.ts";
import type { Router } from "../endpoint.ts";
import { intentSchemas } from "../json-schemas.ts";
import { INFO } from "./docs.ts";

/** What can be relied on besides the endpoints, for machines: the events, and the schemas of each intent. */
export function addContractRoutes(router: Router, { catalog }: RuntimeServices): void {
  // Made when somebody asks: an instance that starts has other things to do.
  let events: string | undefined;
  router.get("/asyncapi.json", (c) => {
    const { title, version } = INFO;
    events ??= JSON.stringify(asyncApiDocument({ title, version }, catalog.definitions));
    return c.body(events, 200, { "content-type": "application/json" });
  });

  router.get("/schemas/:file", (c) => {
    const file = c.req.param("file");
    const [, type = "", version = ""] = /^([a-z0-9_]+\.[a-z0-9_]+)\.(\d{1,9})\.json$/.exec(file) ?? [];
    const definition = catalog.version(type, Number(version));
    if (definition === undefined) throw notFound("schema", file);
    return c.body(JSON.stringify(intentSchemas(definition)), 200, { "content-type": "application/schema+json" });
  });
}

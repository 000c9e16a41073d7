import { notFound } from "../../errors.ts";
import type { RuntimeServices } from "../../services.ts";
import { asyncApiDocument } from "../async-api.ts";
import type { Router } from "../router.ts";
import { jsonAnswer } from "../http-answer.ts";
import { intentSchemas } from "../json-schemas.ts";
import { INFO } from "./docs.ts";

/** What can be relied on besides the endpoints, for machines: the events, and the schemas of each intent. */
export function addContractRoutes(router: Router, { catalog }: RuntimeServices): void {
  // Made when somebody asks: an instance that starts has other things to do.
  let events: string | undefined;
  router.route("GET", "/asyncapi.json", () => {
    const { title, version } = INFO;
    events ??= JSON.stringify(asyncApiDocument({ title, version }, catalog.definitions));
    return { status: 200, headers: { "content-type": "application/json" }, body: events };
  });

  router.route("GET", "/schemas/{file}", ({ params: { file = "" } }) => {
    const [, type = "", version = ""] = /^([a-z0-9_]+\.[a-z0-9_]+)\.(\d{1,9})\.json$/.exec(file) ?? [];
    const definition = catalog.version(type, Number(version));
    if (definition === undefined) throw notFound("schema", file);
    return jsonAnswer(intentSchemas(definition), 200, { "content-type": "application/schema+json" });
  });
}

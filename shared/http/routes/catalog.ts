import * as z from "zod";

import { jsonObject } from "../../json.ts";

import { describePlan, planDiagram } from "../../sagas/describe-plan.ts";
import type { IntentDefinition } from "../../sagas/intent-definition.ts";
import { type Price, priceOf } from "../../sagas/price.ts";
import type { RuntimeServices } from "../../services.ts";
import { addEndpoint } from "../endpoint.ts";
import type { Router } from "../router.ts";

const schema = jsonObject;

const catalogAnswer = z.object({
  intents: z.array(
    z.object({
      type: z.string(),
      version: z.int(),
      realm: z.string(),
      description: z.string(),
      route: z.string(),
      trigger: z.array(z.enum(["http", "pubsub"])),
      capabilities: z.array(z.string()),
      target: z.string().optional(),
      plan: jsonObject,
      price: z.object({
        commits: z.int(),
        commands: z.int(),
        log_entries: z.int(),
        bytes: z.int(),
        per_item: z.object({ commits: z.int(), log_entries: z.int(), bytes: z.int() }).optional(),
      }),
      concurrency: z.int().optional(),
      diagram: z.string(),
      input_schema: schema,
      output_schema: schema,
    }),
  ),
});

/** What this runtime can be asked to do. */
export function addCatalogRoutes(router: Router, { catalog, adapters }: RuntimeServices): void {
  // Made when somebody asks, not while a caller waits for the start.
  let answer: { readonly intents: readonly ReturnType<typeof describeIntent>[] } | undefined;
  addEndpoint(
    router,
    adapters.tokens,
    {
      method: "get",
      path: "/catalog",
      role: "viewer",
      tag: "intents",
      summary: "Every intent type, with its schemas and its plan",
      answers: { 200: { description: "the catalog", schema: catalogAnswer } },
    },
    () => {
      answer ??= { intents: catalog.definitions.map(describeIntent) };
      return Promise.resolve({ status: 200, json: answer });
    },
  );
}

/** An intent type as data. */
export function describeIntent(definition: IntentDefinition) {
  return {
    type: definition.type,
    version: definition.version,
    realm: definition.realm,
    description: definition.description,
    route: `/${definition.realm}/${definition.name}`,
    trigger: ["http"],
    capabilities: [],
    ...(definition.target === undefined ? {} : { target: definition.target.input }),
    plan: describePlan(definition),
    price: priceJson(priceOf(definition)),
    ...(definition.concurrency === undefined ? {} : { concurrency: definition.concurrency.limit }),
    diagram: planDiagram(describePlan(definition)),
    input_schema: z.toJSONSchema(definition.input, { io: "input" }),
    output_schema: z.toJSONSchema(definition.output),
  };
}

function priceJson({ commits, commands, logEntries, bytes, perItem }: Price) {
  return {
    commits,
    commands,
    log_entries: logEntries,
    bytes,
    ...(perItem === undefined
      ? {}
      : { per_item: { commits: perItem.commits, log_entries: perItem.logEntries, bytes: perItem.bytes } }),
  };
}

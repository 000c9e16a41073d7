import type { JsonObject, JsonValue } from "../../../shared/json.ts";
import { addressOf, executionAddress } from "./address.ts";
import type { CatalogIntent } from "./catalog.ts";
import { h, jsonView } from "./dom.ts";
import { planMap } from "./plan-map.ts";
import { readJson } from "./typed-json.ts";
import { actionButton, type View } from "./view.ts";

/** Submits an intent: its type, and its parameters as JSON, begun from its schema. */
export const submitView: View = (surroundings) => {
  const { catalog, address, connection } = surroundings;
  const chosen = catalog.get(address.query["intent_type"] ?? "") ?? [...catalog.values()][0];
  if (chosen === undefined) return h("section", {}, h("h1", {}, "Submit"), "This runtime knows no intent.");
  const types = h(
    "select",
    {
      "aria-label": "Intent type",
      onchange: () => {
        location.hash = addressOf(["submit"], { intent_type: types.value });
      },
    },
    ...[...catalog.keys()].map((type) => h("option", { value: type, selected: type === chosen.type }, type)),
  );
  const parameters = h("textarea", { rows: 12, spellcheck: "false", "aria-label": "Parameters" });
  parameters.value = JSON.stringify(exampleOf(chosen), undefined, 2);
  const submit = async (): Promise<void> => {
    const input = readJson(parameters.value);
    const handle = await connection.session.submit({ type: chosen.type } as never, input as never);
    location.hash = executionAddress(handle.executionId);
  };
  return h(
    "section",
    {},
    h("h1", {}, "Submit an intent"),
    h("p", {}, types, ` version ${chosen.version}`),
    h("p", {}, chosen.description),
    planMap(chosen.plan.nodes, []),
    parameters,
    h("p", {}, actionButton("Submit", submit, surroundings)),
    jsonView("What it takes", chosen.input_schema),
  );
};

/** What must be given, with a value of its type to be written over. */
function exampleOf({ input_schema: schema }: CatalogIntent): JsonObject {
  const { properties = {}, required = [] } = schema as {
    readonly properties?: Readonly<Record<string, JsonObject>>;
    readonly required?: readonly string[];
  };
  return Object.fromEntries(required.map((name) => [name, valueFor(properties[name] ?? {})]));
}

function valueFor(schema: JsonObject): JsonValue {
  const { default: preset, const: only, enum: choices, type } = schema;
  if (preset !== undefined) return preset;
  if (only !== undefined) return only;
  if (Array.isArray(choices)) return (choices[0] ?? null) as JsonValue;
  switch (type) {
    case "string":
      return "";
    case "number":
    case "integer":
      return 0;
    case "boolean":
      return false;
    case "array":
      return [];
    case "object":
      return {};
    default:
      return null;
  }
}

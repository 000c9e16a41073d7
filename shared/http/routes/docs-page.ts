import { describePlan, type NodeDescription } from "../../sagas/describe-plan.ts";
import type { IntentDefinition } from "../../sagas/intent-definition.ts";
import { schemaPath } from "../json-schemas.ts";

/** The parts of an OpenAPI 3.1 document that the page shows. */
export interface OpenApiDocument {
  readonly info: { readonly title: string; readonly version: string; readonly description?: string };
  readonly paths?: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
}

interface Operation {
  readonly summary?: string;
  readonly description?: string;
  readonly tags?: readonly string[];
  readonly security?: readonly unknown[];
  readonly parameters?: readonly Parameter[];
  readonly requestBody?: { readonly content?: Readonly<Record<string, { readonly schema?: Schema }>> };
  readonly responses?: Readonly<Record<string, { readonly description?: string }>>;
}

interface Parameter {
  readonly name: string;
  readonly in: string;
  readonly required?: boolean;
  readonly description?: string;
  readonly schema?: Schema;
}

interface Schema {
  readonly type?: string | readonly string[];
  readonly enum?: readonly unknown[];
  readonly description?: string;
  readonly default?: unknown;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
}

const STYLE = `
:root{color-scheme:light dark;--line:#8884;--soft:#8881;--accent:#0a6c5b}
@media (prefers-color-scheme:dark){:root{--accent:#5fd3bc}}
body{font:16px/1.5 system-ui,sans-serif;max-width:62rem;margin:2rem auto;padding:0 1rem}
h2{margin-top:2.5rem;border-bottom:1px solid var(--line)} code{font:14px/1.4 ui-monospace,monospace}
details{border:1px solid var(--line);border-radius:6px;margin:.4rem 0;padding:.4rem .8rem} summary{cursor:pointer}
.method{display:inline-block;width:4.2rem;font-weight:600;color:var(--accent)} .quiet{opacity:.75}
table{border-collapse:collapse;width:100%;margin:.6rem 0} td,th{text-align:left;vertical-align:top;padding:.25rem .6rem;border-bottom:1px solid var(--line)}
.plan{display:flex;flex-wrap:wrap;gap:.4rem;align-items:center;margin:.6rem 0}
.step{border:1px solid var(--line);border-radius:6px;background:var(--soft);padding:.2rem .7rem}
`;

/** A page that a person can read without any script: every intent with its plan, every endpoint with what it takes and answers. */
export function renderDocs(document: OpenApiDocument, intents: readonly IntentDefinition[]): string {
  const byTag = new Map<string, string[]>();
  for (const [path, methods] of Object.entries(document.paths ?? {})) {
    for (const [method, operation] of Object.entries(methods)) {
      const tag = operation.tags?.[0] ?? "other";
      byTag.set(tag, [...(byTag.get(tag) ?? []), endpointHtml(method, path, operation)]);
    }
  }
  const sections = [...byTag].map(([tag, endpoints]) => `<h2>${text(tag)}</h2>${endpoints.join("")}`).join("");
  const { title, version, description = "" } = document.info;
  return `<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>${text(title)}</title><style>${STYLE}</style>
<h1>${text(title)} <small class="quiet">${text(version)}</small></h1><p>${prose(description)}
Every endpoint but those marked <em>public</em> wants <code>Authorization: Bearer &lt;token&gt;</code>, with a token of the request's tenant.
What runs and what ran: <a href="/console">the console</a>. For machines: <a href="/openapi.json">OpenAPI 3.1</a>, <a href="/asyncapi.json">AsyncAPI 3.0</a>.</p>
<h2>The intents and their plans</h2>${intents.map(intentHtml).join("")}${sections}</html>`;
}

function intentHtml(definition: IntentDefinition): string {
  const { type, version, description } = definition;
  const { nodes, checkpoint } = describePlan(definition);
  return `<h3><code>${text(type)}</code> <small class="quiet">version ${version}, commits ${checkpoint === "ends" ? "at its ends" : "each step"}</small></h3><p>${prose(description)}
<a href="${text(schemaPath(definition))}">JSON Schemas</a></p>
<div class="plan">${nodes.map(nodeHtml).join("<span>→</span>")}</div>`;
}

function nodeHtml(node: NodeDescription): string {
  const marks = [
    node.conditional ? "when" : "",
    "undo" in node && node.undo ? "undo" : "",
    node.kind === "step" && node.pivot ? "pivot" : "",
  ];
  const about = [node.kind === "step" ? "" : node.kind, ...marks].filter((mark) => mark !== "").join(", ");
  const note = about === "" ? "" : ` <small class="quiet">${text(about)}</small>`;
  const branches =
    node.kind === "parallel"
      ? Object.keys(node.branches)
          .map((name) => `<br>∥ ${text(name)}`)
          .join("")
      : "";
  return `<span class="step">${text(node.name)}${note}${branches}</span>`;
}

function endpointHtml(method: string, path: string, operation: Operation): string {
  const isPublic = operation.security?.length === 0;
  const body = operation.requestBody?.content?.["application/json"]?.schema;
  const rows = [...(operation.parameters ?? []).map(parameterRow), ...membersOf(body, "")];
  const table = rows.length === 0 ? "" : `<table><tr><th>name<th>in<th>type<th>meaning</tr>${rows.join("")}</table>`;
  const answers = Object.entries(operation.responses ?? {}).map(
    ([status, answer]) => `<tr><td><code>${text(status)}</code><td>${prose(answer.description ?? "")}</tr>`,
  );
  return `<details><summary><code><span class="method">${method.toUpperCase()}</span>${text(path)}</code>
<span class="quiet">${text(operation.summary ?? "")}${isPublic ? " <em>public</em>" : ""}</span></summary>
<p>${prose(operation.description ?? "")}</p>${table}<table><tr><th>answer<th></tr>${answers.join("")}</table></details>`;
}

function parameterRow({ name, in: place, required = false, description = "", schema }: Parameter): string {
  return row(name, required, place, schema, description);
}

function membersOf(schema: Schema | undefined, prefix: string): string[] {
  return Object.entries(schema?.properties ?? {}).flatMap(([name, member]) => [
    row(prefix + name, schema?.required?.includes(name) ?? false, "body", member, member.description ?? ""),
    ...membersOf(member, `${prefix}${name}.`),
  ]);
}

function row(name: string, required: boolean, place: string, schema: Schema | undefined, description: string): string {
  const fallback =
    schema?.default === undefined ? "" : ` Default <code>${text(JSON.stringify(schema.default))}</code>.`;
  return `<tr><td><code>${text(name)}</code>${required ? " *" : ""}<td>${text(place)}<td>${text(typeText(schema))}<td>${prose(description)}${fallback}</tr>`;
}

function typeText(schema: Schema | undefined): string {
  if (schema?.enum !== undefined) return schema.enum.join(" | ");
  return [schema?.type ?? "any"].flat().join(" | ");
}

function text(value: string): string {
  return value.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");
}

/** Text whose `back-quoted` pieces are code. */
function prose(value: string): string {
  return text(value).replace(/`([^`]+)`/g, "<code>$1</code>");
}

import type { IntentDefinition } from "./intent-definition.ts";
import type { GuestWork, PlanNode, Work } from "./plan.ts";

/** A plan as data: what runs in which order, before any of it runs. Times in milliseconds. */
export interface PlanDescription {
  readonly type: string;
  readonly version: number;
  readonly checkpoint: "each" | "ends";
  readonly nodes: readonly NodeDescription[];
}

export type NodeDescription = { readonly name: string; readonly conditional: boolean } & (
  | ({ readonly kind: "step"; readonly pivot: boolean } & WorkDescription)
  | { readonly kind: "await"; readonly timeout_ms: number | null; readonly on_timeout: "compensate" | "continue" }
  | { readonly kind: "sleep"; readonly delay_ms: number }
  | {
      readonly kind: "parallel";
      readonly on_failure: string;
      readonly branches: Readonly<Record<string, WorkDescription>>;
    }
  | ({ readonly kind: "map"; readonly on_failure: string; readonly concurrency: number } & WorkDescription)
  | { readonly kind: "call"; readonly intent_type: string }
  | { readonly kind: "emit" }
);

export interface WorkDescription {
  readonly timeout_ms: number;
  readonly max_attempts: number;
  readonly semantics: "at-least-once" | "at-most-once";
  readonly undo: boolean;
  /** What a guest does, and what it may. */
  readonly guest?: GuestDescription;
}

export interface GuestDescription {
  readonly module_sha256: string;
  readonly export: string | null;
  readonly timeout_ms: number;
  readonly capabilities: readonly { readonly provider_type: string; readonly permissions: readonly string[] }[];
}

/** The plan of an intent, for the docs page, for a diff between versions, and for whoever wants to price it. */
export function describePlan(definition: Pick<IntentDefinition, "type" | "version" | "plan">): PlanDescription {
  const { type, version, plan } = definition;
  return { type, version, checkpoint: plan.checkpoint, nodes: plan.nodes.map(describeNode) };
}

function describeNode(node: PlanNode): NodeDescription {
  const base = { name: node.name, conditional: node.when !== undefined };
  switch (node.kind) {
    case "step":
      return { ...base, kind: node.kind, pivot: node.pivot, ...describeWork(node) };
    case "await":
      return { ...base, kind: node.kind, timeout_ms: node.timeoutMs ?? null, on_timeout: node.onTimeout };
    case "sleep":
      return { ...base, kind: node.kind, delay_ms: node.delayMs };
    case "parallel": {
      const branches = Object.entries(node.branches).map(([name, work]) => [name, describeWork(work)]);
      return {
        ...base,
        kind: node.kind,
        on_failure: node.onFailure,
        branches: Object.fromEntries(branches) as Record<string, WorkDescription>,
      };
    }
    case "map":
      return {
        ...base,
        kind: node.kind,
        on_failure: node.onFailure,
        concurrency: node.concurrency,
        ...describeWork(node.work),
      };
    case "call":
      return { ...base, kind: node.kind, intent_type: node.intentType };
    case "emit":
      return { ...base, kind: node.kind };
  }
}

function describeWork(work: Work): WorkDescription {
  return {
    timeout_ms: work.timeoutMs,
    max_attempts: work.semantics === "at-most-once" ? 1 : work.retry.maxAttempts,
    semantics: work.semantics,
    undo: work.undo !== undefined,
    ...(work.guest === undefined ? {} : { guest: describeGuest(work.guest) }),
  };
}

function describeGuest({ sha256, exportName, timeoutMs, capabilities }: GuestWork): GuestDescription {
  return {
    module_sha256: sha256,
    export: exportName ?? null,
    timeout_ms: timeoutMs,
    capabilities: capabilities.map(({ providerType, permissions }) => ({ provider_type: providerType, permissions })),
  };
}

/** The plan as a Mermaid flowchart; undos hang on their steps by dotted lines. */
export function planDiagram({ nodes }: PlanDescription): string {
  const lines = ["flowchart LR", "  accept([accept])"];
  let previous = ["accept"];
  for (const node of nodes) {
    const { ids, text } = drawNode(node);
    lines.push(...text);
    for (const from of previous)
      for (const to of ids) lines.push(`  ${from} -->${node.conditional ? "|when|" : ""} ${to}`);
    previous = ids;
  }
  return [...lines, "  done([done])", ...previous.map((from) => `  ${from} --> done`)].join("\n");
}

function drawNode(node: NodeDescription): { readonly ids: string[]; readonly text: string[] } {
  const { name } = node;
  switch (node.kind) {
    case "step": {
      const undo = node.undo ? [`  ${name} -.-> undo_${name}[/undo ${name}/]`] : [];
      const guest = node.guest === undefined ? undefined : `  ${name}[["${name}: wasm ${shortDigest(node.guest)}"]]`;
      const box = guest ?? (node.pivot ? `  ${name}{{${name}: pivot}}` : `  ${name}[${name}]`);
      return { ids: [name], text: [box, ...undo] };
    }
    case "parallel": {
      const ids = Object.keys(node.branches).map((branch) => `${name}_${branch}`);
      return { ids, text: Object.keys(node.branches).map((branch) => `  ${name}_${branch}[${name}/${branch}]`) };
    }
    case "map":
      return { ids: [name], text: [`  ${name}[[${name}: each item, ${node.concurrency} at a time]]`] };
    case "await":
      return { ids: [name], text: [`  ${name}[/await ${name}/]`] };
    case "sleep":
      return { ids: [name], text: [`  ${name}(sleep ${node.delay_ms} ms)`] };
    case "call":
      return { ids: [name], text: [`  ${name}[[${node.intent_type}]]`] };
    case "emit":
      return { ids: [name], text: [`  ${name}>emit ${name}]`] };
  }
}

function shortDigest({ module_sha256 }: GuestDescription): string {
  return module_sha256.slice(0, 12);
}

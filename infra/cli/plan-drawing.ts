import type { PlanNode } from "./intent-catalog.ts";
import { humanDuration } from "../../shared/duration.ts";
import { printable, type Style } from "./terminal.ts";

type Work = Pick<
  Extract<PlanNode, { readonly kind: "step" }>,
  "timeout_ms" | "max_attempts" | "semantics" | "undo" | "guest"
>;

/** A plan from top to bottom, a node a line; the branches of a parallel node below it. */
export function planDrawing(nodes: readonly PlanNode[], style: Style): readonly string[] {
  return ["  ○ accept", ...nodes.flatMap((node) => ["  │", ...nodeLines(node, style)]), "  │", "  ● done"];
}

function nodeLines(node: PlanNode, style: Style): readonly string[] {
  const name = style.bold(printable(node.name));
  const line = (glyph: string, ...remarks: string[]): string => {
    const all = [...remarks, ...(node.conditional ? ["when its condition holds"] : [])].filter((text) => text !== "");
    return `  ${glyph} ${name}${all.length === 0 ? "" : `  ${style.dim(all.join(", "))}`}`;
  };
  switch (node.kind) {
    case "step":
      return [
        line(
          node.pivot ? "◆" : node.guest === undefined ? "■" : "▣",
          node.pivot ? "pivot: from here only forward" : "",
          ...workRemarks(node),
        ),
      ];
    case "await":
      return [line("◷", "waits for its signal", awaitRemark(node))];
    case "sleep":
      return [line("◷", `sleeps ${humanDuration(node.delay_ms)}`)];
    case "emit":
      return [line("▷", "emits an event")];
    case "call":
      return [line("↳", `calls ${printable(node.intent_type)}`)];
    case "map":
      return [line("▤", `each item, ${node.concurrency} at a time`, failureRemark(node), ...workRemarks(node))];
    case "parallel": {
      const branches = Object.entries(node.branches);
      return [
        line("┳", "side by side", failureRemark(node)),
        ...branches.map(([branch, work], index) => {
          const corner = index === branches.length - 1 ? "┗" : "┣";
          return `  ${corner}━■ ${style.bold(printable(branch))}  ${style.dim(workRemarks(work).join(", "))}`;
        }),
      ];
    }
  }
}

function workRemarks({ undo, timeout_ms, max_attempts, semantics, guest }: Work): string[] {
  const tries = max_attempts === 1 ? "1 attempt" : `up to ${max_attempts} attempts`;
  return [
    guestRemark(guest),
    undo ? "can be undone" : "",
    `${humanDuration(timeout_ms)} each`,
    semantics === "at-most-once" ? "at most once" : tries,
  ].filter((remark) => remark !== "");
}

function guestRemark(guest: Work["guest"]): string {
  if (guest === undefined) return "";
  const permissions = guest.capabilities.flatMap((each) => each.permissions.map(printable));
  const may = permissions.length === 0 ? "nothing" : permissions.join(" ");
  return `wasm ${printable(guest.module_sha256.slice(0, 12))} that may ${may}`;
}

function awaitRemark({ timeout_ms, on_timeout }: Extract<PlanNode, { readonly kind: "await" }>): string {
  return timeout_ms === null
    ? "as long as it takes"
    : `for ${humanDuration(timeout_ms)}, then ${printable(on_timeout)}s`;
}

function failureRemark({ on_failure }: { readonly on_failure: string }): string {
  return on_failure === "collect" ? "failures are collected" : "the first failure ends it";
}

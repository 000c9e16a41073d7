import type { Step } from "../../../shared/client/wire-types.ts";
import type { PlanNode } from "./catalog.ts";
import { h } from "./dom.ts";

const SIGNS: Readonly<Record<string, string>> = {
  step: "■",
  await: "◷",
  sleep: "◷",
  parallel: "┳",
  map: "▤",
  call: "↳",
  emit: "▷",
};

/** A plan as boxes in a row, each in the colour of how its step stands; those of a group's members lie below it. */
export function planMap(nodes: readonly PlanNode[], steps: readonly Step[]): HTMLElement {
  const statuses = new Map(steps.map(({ step_name, status }) => [step_name, status]));
  return h("div", { class: "plan" }, ...nodes.map((node) => nodeBox(node, statuses, steps)));
}

function nodeBox(node: PlanNode, statuses: ReadonlyMap<string, string>, steps: readonly Step[]): HTMLElement {
  const { name, kind, conditional, pivot = false, undo = false } = node;
  const remarks = [conditional ? "when" : "", pivot ? "pivot" : "", undo ? "undo" : ""].filter((each) => each !== "");
  const begun = steps.filter(({ step_name }) => step_name.startsWith(`${name}/`)).map(({ step_name }) => step_name);
  const members = begun.length > 0 ? begun : Object.keys(node.branches ?? {}).map((branch) => `${name}/${branch}`);
  return h(
    "div",
    { class: `node ${statuses.get(name) ?? "ahead"}`, title: `${kind}: ${statuses.get(name) ?? "not begun"}` },
    h("b", {}, `${SIGNS[kind] ?? "■"} ${name}`),
    remarks.length === 0 ? undefined : h("small", {}, ` ${remarks.join(", ")}`),
    members.length === 0
      ? undefined
      : h("div", { class: "members" }, ...members.map((member) => memberDot(member, statuses.get(member)))),
  );
}

function memberDot(name: string, status = "ahead"): HTMLElement {
  return h("span", { class: `dot ${status}`, title: `${name}: ${status}` });
}

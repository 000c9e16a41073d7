import { humanDuration } from "../../../shared/duration.ts";
import type { Execution, Step } from "../../../shared/client/wire-types.ts";
import { executionAddress } from "./address.ts";
import { h, idLink, jsonView, timeView } from "./dom.ts";

/** More than anybody looks at. */
const MAX_SHOWN = 500;

interface Frame {
  readonly beganMs: number;
  readonly endMs: number;
  /** Where an output is read that did not fit into the status. */
  readonly outputApart: (stepName: string, bytes: number) => HTMLElement;
}

/**
 * Each step as a bar from its start to its end, within the execution's time, with its tries, its failure and its output. `untilMs` is now, or when
 * all was over.
 */
export function timeline(execution: Execution, untilMs: number, outputApart: Frame["outputApart"]): HTMLElement {
  const beganMs = Date.parse(execution.created_at);
  const frame = { beganMs, endMs: Math.max(untilMs, beganMs + 1), outputApart };
  const { steps } = execution;
  const lines = steps.slice(0, MAX_SHOWN).flatMap((step) => stepLine(step, frame));
  const rest = steps.length - MAX_SHOWN;
  return h(
    "div",
    { class: "timeline" },
    ...lines,
    rest > 0 ? h("div", { class: "quiet" }, `and ${rest} more`) : undefined,
  );
}

function stepLine(step: Step, { beganMs, endMs, outputApart }: Frame): readonly HTMLElement[] {
  const startMs = Date.parse(step.started_at);
  const stopMs = step.completed_at === undefined ? endMs : Date.parse(step.completed_at);
  const share = (ms: number): string =>
    `${Math.min(100, Math.max(0, ((ms - beganMs) * 100) / (endMs - beganMs))).toFixed(2)}%`;
  const bar = h("div", { class: `bar ${step.status}` });
  // By script and not as an attribute, which the page's policy would refuse.
  bar.style.left = share(startMs);
  bar.style.right = `calc(100% - ${share(Math.max(stopMs, startMs))})`;
  const { child_execution_id: child, due_at: due, error, outputs, outputs_bytes: bytes, attempt } = step;
  return [
    h("div", { class: "name" }, step.step_name),
    h("div", { class: "track" }, bar),
    h("div", { class: "took" }, humanDuration(stopMs - startMs)),
    h(
      "div",
      { class: "remark" },
      h("span", {}, step.status === "started" ? "under way" : step.status),
      attempt > 1 ? h("span", { class: "quiet" }, `, try ${attempt}`) : undefined,
      due === undefined || step.status !== "started"
        ? undefined
        : h("span", { class: "quiet" }, " until ", timeView(due)),
      child === undefined ? undefined : h("span", {}, ", runs ", idLink(executionAddress(child), child)),
      error === undefined ? undefined : h("div", { class: "fault" }, `${error.code}: ${error.message}`),
      bytes === undefined ? undefined : outputApart(step.step_name, bytes),
      outputs === undefined || outputs === null ? undefined : jsonView("output", outputs, { of: step.step_name }),
    ),
  ];
}

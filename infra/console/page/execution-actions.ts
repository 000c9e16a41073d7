import type { ExecutionHandle } from "../../../shared/client/execution-handle.ts";
import type { Execution } from "../../../shared/client/wire-types.ts";
import { executionAddress } from "./address.ts";
import { h } from "./dom.ts";
import { readJson } from "./typed-json.ts";
import { actionButton, type Surroundings } from "./view.ts";

const OPEN: ReadonlySet<string> = new Set(["pending", "running", "suspended"]);
const REPEATABLE: ReadonlySet<string> = new Set(["failed", "compensated", "cancelled", "dead"]);

/** What a person can do about an execution as it stands. The runtime checks the role that each wants. */
export function executionActions(
  execution: Execution,
  handle: ExecutionHandle,
  surroundings: Surroundings,
): readonly HTMLElement[] {
  const { status, steps } = execution;
  const button = (label: string, work: () => Promise<void>): HTMLButtonElement =>
    actionButton(label, work, surroundings);
  const goTo = ({ executionId }: ExecutionHandle): void => {
    location.hash = executionAddress(executionId);
  };
  const actions: HTMLElement[] = [];
  for (const { step_name: name } of steps.filter((step) => step.status === "started" && step.step_type === "await")) {
    const payload = h("textarea", { rows: 3, spellcheck: "false", "aria-label": `Payload of ${name}` }, "{}");
    const send = async (): Promise<void> => {
      await handle.signal(name, readJson(payload.value));
    };
    actions.push(
      h("div", { class: "ask" }, h("b", {}, `It waits for the signal ${name}`), payload, button("Send", send)),
    );
  }
  if (REPEATABLE.has(status)) {
    actions.push(
      button("Retry", async () => {
        goTo(await handle.retry());
      }),
    );
  }
  if (OPEN.has(status) || status === "dead") {
    const stop = async (compensate: boolean): Promise<void> => {
      await handle.cancel({ compensate });
    };
    actions.push(
      h(
        "details",
        {},
        h("summary", {}, "Cancel…"),
        button("Undo what it did", () => stop(true)),
        button("Leave it as it is", () => stop(false)),
      ),
    );
  }
  const from = steps.filter(({ step_name }) => !step_name.includes("/"));
  if (!OPEN.has(status) && from.length > 0) {
    const step = h("select", { "aria-label": "Step" }, ...from.map(({ step_name }) => h("option", {}, step_name)));
    const fork = async (): Promise<void> => {
      goTo(await handle.fork(step.value));
    };
    actions.push(h("details", {}, h("summary", {}, "Fork…"), "A new execution from ", step, button("Fork", fork)));
  }
  return actions;
}

import { humanDuration } from "../../../shared/duration.ts";
import { isTerminal } from "../../../shared/client/execution-events.ts";
import type { Execution, LogEntry } from "../../../shared/client/wire-types.ts";
import { addressOf, executionAddress } from "./address.ts";
import type { PlanNode } from "./catalog.ts";
import { h, idLink, jsonView, redraw, statusBadge, timeView } from "./dom.ts";
import { executionActions } from "./execution-actions.ts";
import { logTable } from "./log-table.ts";
import { planMap } from "./plan-map.ts";
import { timeline } from "./timeline.ts";
import { verifyChain } from "./verify-chain.ts";
import { actionButton, repeatedly, type Surroundings, type View } from "./view.ts";

/** Entries that come within this time are drawn together. */
const GATHER_MS = 200;
/** What goes on without an entry, time above all, is drawn so often. */
const DRAW_EVERY_MS = 5_000;

/** One execution as it happens: its plan, its steps in time, what a person can do, and its log, which is checked here. */
export const executionView: View = (surroundings) => {
  const { connection, address, signal, tell } = surroundings;
  const executionId = address.path[1] ?? "";
  const handle = connection.tenant.execution(executionId);
  const [head, actions, picture] = [h("div"), h("div", { class: "actions" }), h("div")];
  const table = logTable(false);
  const entries: LogEntry[] = [];

  const outputApart = (name: string, bytes: number): HTMLElement => {
    const place = h("div");
    const read = async (): Promise<void> => {
      const { steps } = await handle.status({ step: name, signal });
      place.replaceChildren(jsonView("output", steps[0]?.outputs, { of: name, open: true }));
    };
    place.append(actionButton(`Read its output of ${bytes} bytes`, read, surroundings));
    return place;
  };
  let offered = "";
  let over = false;
  const draw = async (): Promise<void> => {
    const execution = await handle.status({ includeArtifacts: true, includeEvents: true, signal });
    const { status, steps } = execution;
    head.replaceChildren(headOf(execution, entries));
    // What is being typed or chosen stays, as long as it is still to be asked for.
    const asked = JSON.stringify([status, steps.map((step) => [step.step_name, step.status])]);
    if (asked !== offered) actions.replaceChildren(...executionActions(execution, handle, surroundings));
    offered = asked;
    over = isTerminal(status) || status === "dead";
    redraw(
      picture,
      planMap(planOf(execution, surroundings), steps),
      timeline(execution, over ? Date.parse(execution.updated_at) : Date.now(), outputApart),
      ...resultsOf(execution),
    );
  };
  let drawing: Promise<void> | undefined;
  const drawSoon = (): void => {
    drawing ??= new Promise((resolve) => {
      setTimeout(resolve, GATHER_MS);
    })
      .then(() => {
        drawing = undefined;
        return signal.aborted ? undefined : draw();
      })
      .catch(tellUnlessGone);
  };
  const tellUnlessGone = (error: unknown): void => {
    if (!signal.aborted) tell(error);
  };
  const follow = async (): Promise<void> => {
    for await (const entry of handle.events({ signal })) {
      entries.push(entry);
      table.add(entry);
      drawSoon();
    }
  };
  void repeatedly(() => (over ? Promise.resolve() : draw()), DRAW_EVERY_MS, surroundings);
  follow().catch(tellUnlessGone);

  const verdict = h("span");
  const verify = async (): Promise<void> => {
    if (!isSecureContext) throw new Error("Browsers compute hashes on pages from https: or localhost only.");
    const fault = await verifyChain(entries);
    verdict.className = fault === undefined ? "well" : "fault";
    verdict.textContent =
      fault === undefined
        ? ` ${entries.length} entries: every hash holds.`
        : ` BROKEN at entry ${fault.sequence}: ${fault.fault}.`;
  };
  return h(
    "section",
    {},
    head,
    actions,
    picture,
    h("h2", {}, "Log"),
    h("p", {}, actionButton("Verify its hash chain here", verify, surroundings), verdict),
    table.element,
  );
};

function headOf(execution: Execution, entries: readonly LogEntry[]): HTMLElement {
  const { intent_type, execution_id, status, created_at, updated_at, session_id, trace_id, error } = execution;
  return h(
    "div",
    {},
    h("h1", {}, intent_type, " ", statusBadge(status)),
    h("p", { class: "quiet" }, h("code", {}, execution_id), ...originOf(entries)),
    h(
      "p",
      {},
      "accepted ",
      timeView(created_at),
      `, ${humanDuration(Date.parse(updated_at) - Date.parse(created_at))} until its last change · session `,
      idLink(addressOf(["executions"], { session_id }), session_id),
      ` · trace ${trace_id}`,
    ),
    error === undefined ? undefined : h("p", { class: "fault" }, `${error.code}: ${error.message}`),
  );
}

/** Whose child or copy it is, as the first entry of its log tells. */
function originOf([opening]: readonly LogEntry[]): readonly (Node | string)[] {
  const { parent, forked_from } = (opening?.payload ?? {}) as Readonly<
    Record<string, { execution_id?: string } | undefined>
  >;
  const of = (word: string, id: string | undefined) =>
    id === undefined ? [] : [` · ${word} `, idLink(executionAddress(id), id)];
  return [...of("child of", parent?.execution_id), ...of("repeats", forked_from?.execution_id)];
}

/** The plan of today's catalog; of an execution whose type or version is gone, the steps that it has begun. */
function planOf({ intent_type, steps }: Execution, { catalog }: Surroundings): readonly PlanNode[] {
  const begun = steps.filter(({ step_name }) => !step_name.includes("/"));
  const nodes = catalog.get(intent_type)?.plan.nodes ?? [];
  const names = new Set(nodes.map(({ name }) => name));
  if (begun.every(({ step_name }) => names.has(step_name)) && nodes.length > 0) return nodes;
  return begun.map(({ step_name: name, step_type: kind }) => ({ name, kind, conditional: false }));
}

function resultsOf(execution: Execution): readonly HTMLElement[] {
  const { artifacts = [], events = [] } = execution;
  return [
    ...(execution.status === "completed" ? [jsonView("Output", execution.output, { open: true })] : []),
    ...(artifacts.length === 0 ? [] : [jsonView(`Artifacts (${artifacts.length})`, artifacts)]),
    ...(events.length === 0 ? [] : [jsonView(`Events (${events.length})`, events)]),
  ];
}

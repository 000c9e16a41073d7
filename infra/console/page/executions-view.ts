import { humanDuration } from "../../../shared/duration.ts";
import type { ExecutionStatus, ExecutionSummary } from "../../../shared/client/wire-types.ts";
import { addressOf, executionAddress } from "./address.ts";
import { h, headOf, idLink, statusBadge, timeView } from "./dom.ts";
import { actionButton, repeatedly, type View } from "./view.ts";

const PAGE = 50;
const LOOK_EVERY_MS = 2_000;
const STATUSES: readonly ExecutionStatus[] = [
  "running",
  "suspended",
  "compensating",
  "dead",
  "failed",
  "compensated",
  "cancelled",
  "completed",
];

interface Page {
  readonly executions: readonly ExecutionSummary[];
  readonly next_cursor?: string;
}

/** Executions, newest first, by status, type and session; the first page is kept up to date. */
export const executionsView: View = (surroundings) => {
  const { connection, catalog, address, signal } = surroundings;
  const { status, intent_type, session_id } = address.query;
  const rows = h("tbody");
  const more = h("p");
  let shown = "";
  let paged = false;

  const read = (cursor?: string): Promise<Page> =>
    connection.transport.json({
      path: "/executions",
      query: { tenant_id: connection.tenantId, status, intent_type, session_id, limit: PAGE, cursor },
      signal,
      repeatable: true,
    });
  const offerMore = ({ next_cursor: cursor }: Page): void => {
    const button = actionButton(
      "Older ones",
      async () => {
        paged = true;
        const page = await read(cursor);
        rows.append(...page.executions.map(rowOf));
        offerMore(page);
      },
      surroundings,
    );
    more.replaceChildren(...(cursor === undefined ? [] : [button]));
  };
  const refresh = async (): Promise<void> => {
    // What was asked for beyond the first page would be taken away again.
    if (paged) return;
    const page = await read();
    const text = JSON.stringify(page);
    if (text === shown) return;
    shown = text;
    rows.replaceChildren(...page.executions.map(rowOf));
    if (page.executions.length === 0)
      rows.append(h("tr", {}, h("td", { colspan: 5, class: "quiet" }, "There are none.")));
    offerMore(page);
  };
  void repeatedly(refresh, LOOK_EVERY_MS, surroundings);

  const pill = (label: string, wanted: string | undefined): HTMLElement => {
    const href = addressOf(["executions"], { ...address.query, status: wanted });
    return h("a", { href, class: wanted === status ? "pill chosen" : "pill" }, label);
  };
  const types = h(
    "select",
    {
      "aria-label": "Intent type",
      onchange: () => {
        location.hash = addressOf(["executions"], { ...address.query, intent_type: types.value });
      },
    },
    h("option", { value: "" }, "every intent"),
    ...[...catalog.keys()].map((type) => h("option", { value: type, selected: type === intent_type }, type)),
  );
  return h(
    "section",
    {},
    h("h1", {}, "Executions"),
    h("p", { class: "filters" }, pill("all", undefined), ...STATUSES.map((each) => pill(each, each)), types),
    session_id === undefined ? undefined : h("p", { class: "quiet" }, `of session ${session_id}`),
    h("table", {}, h("thead", {}, headOf("Status", "Intent", "Execution", "Accepted", "Took")), rows),
    more,
  );
};

function rowOf({ status, intent_type, execution_id, created_at, updated_at, error }: ExecutionSummary): HTMLElement {
  return h(
    "tr",
    {},
    h("td", {}, statusBadge(status)),
    h(
      "td",
      {},
      intent_type,
      error === undefined ? undefined : h("div", { class: "fault" }, `${error.code}: ${error.message}`),
    ),
    h("td", {}, idLink(executionAddress(execution_id), execution_id)),
    h("td", {}, timeView(created_at)),
    h("td", {}, humanDuration(Date.parse(updated_at) - Date.parse(created_at))),
  );
}

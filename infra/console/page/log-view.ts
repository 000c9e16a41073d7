import type { LogEntry } from "../../../shared/client/wire-types.ts";
import { addressOf } from "./address.ts";
import { h } from "./dom.ts";
import { logTable } from "./log-table.ts";
import { actionButton, type View } from "./view.ts";

const PAGE = 100;

/** The tenant's log, newest first, by type and from a time on. */
export const logView: View = (surroundings) => {
  const { connection, address, signal, tell } = surroundings;
  const { type, from } = address.query;
  const table = logTable(true);
  const more = h("p");

  const entries = connection.tenant.wal({ type, from, pageSize: PAGE, signal })[Symbol.asyncIterator]();
  const readPage = async (): Promise<void> => {
    let last: IteratorResult<LogEntry> | undefined;
    for (let count = 0; count < PAGE; count += 1) {
      last = await entries.next();
      if (last.done === true) break;
      table.add(last.value);
    }
    more.replaceChildren(last?.done === true ? "That is all." : actionButton("Older ones", readPage, surroundings));
  };
  readPage().catch((error: unknown) => (signal.aborted ? undefined : tell(error)));

  const typed = h("input", { value: type ?? "", placeholder: "step_failed", "aria-label": "Event type" });
  const since = h("input", { value: from ?? "", placeholder: "2026-01-31T00:00:00Z", "aria-label": "From" });
  const find = (event: Event): void => {
    event.preventDefault();
    location.hash = addressOf(["log"], { type: typed.value, from: since.value });
  };
  return h(
    "section",
    {},
    h("h1", {}, "Log"),
    h("form", { class: "filters", onsubmit: find }, typed, since, h("button", {}, "Find")),
    table.element,
    more,
  );
};

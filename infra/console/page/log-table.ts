import type { LogEntry } from "../../../shared/client/wire-types.ts";
import { executionAddress } from "./address.ts";
import { h, headOf, idLink, timeView } from "./dom.ts";

const SHOWN_CHARS = 160;
/** What a browser shows without effort. */
const MAX_ROWS = 2_000;

/** Log entries as rows; `across` tells of which execution each is. */
export function logTable(across: boolean): { readonly element: HTMLElement; add(entry: LogEntry): void } {
  const rows = h("tbody");
  const heads = ["Time", "Event", "Step", "What it says"];
  const element = h(
    "table",
    { class: "log" },
    h("thead", {}, headOf(...(across ? ["Execution", ...heads] : ["#", ...heads]))),
    rows,
  );
  const add = (entry: LogEntry): void => {
    if (rows.childElementCount < MAX_ROWS) return rows.append(rowOf(entry, across));
    const rest = h("td", { colspan: 5, class: "quiet" }, "There is more: npx symphainy wal shows all of it.");
    if (rows.childElementCount === MAX_ROWS) rows.append(h("tr", {}, rest));
  };
  return { element, add };
}

function rowOf(entry: LogEntry, across: boolean): HTMLElement {
  const { execution_id: id, sequence, timestamp, event_type, step_name, payload } = entry;
  const first = across ? (id === undefined ? "" : idLink(executionAddress(id), id)) : String(sequence);
  const text = JSON.stringify(payload);
  const brief = text.length > SHOWN_CHARS ? `${text.slice(0, SHOWN_CHARS)}…` : text;
  const whole = h("details", {}, h("summary", {}, brief));
  // Most are never opened.
  whole.addEventListener("toggle", () => whole.append(h("pre", {}, JSON.stringify(entry, undefined, 2))), {
    once: true,
  });
  return h(
    "tr",
    {},
    h("td", {}, first),
    h("td", {}, timeView(timestamp)),
    h("td", {}, event_type),
    h("td", {}, step_name ?? ""),
    h("td", { class: "wide" }, whole),
  );
}

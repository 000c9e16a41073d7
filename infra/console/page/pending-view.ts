import type { PendingIntent } from "../../../shared/client/wire-types.ts";
import { executionAddress } from "./address.ts";
import { h, headOf, idLink, jsonView, timeView } from "./dom.ts";
import { actionButton, repeatedly, type Surroundings, type View } from "./view.ts";

const LOOK_EVERY_MS = 5_000;
const MOST = 200;

/** What waits for a person or a later session: a dead execution among them, which only a person lets go on. */
export const pendingView: View = (surroundings) => {
  const { connection, signal } = surroundings;
  const rows = h("tbody");
  let shown = "";

  const refresh = async (): Promise<void> => {
    const found: PendingIntent[] = [];
    for await (const each of connection.tenant.pendingIntents.list({ status: "pending", pageSize: MOST, signal })) {
      found.push(each);
      if (found.length === MOST) break;
    }
    const text = JSON.stringify(found);
    if (text === shown) return;
    shown = text;
    rows.replaceChildren(...found.map((each) => rowOf(each, surroundings, refresh)));
    if (found.length === 0) rows.append(h("tr", {}, h("td", { colspan: 5, class: "quiet" }, "Nothing waits.")));
  };
  void repeatedly(refresh, LOOK_EVERY_MS, surroundings);

  return h(
    "section",
    {},
    h("h1", {}, "Waiting for a person"),
    h("table", {}, h("thead", {}, headOf("Intent", "Works on", "Since", "Known so far", "")), rows),
  );
};

function rowOf(pending: PendingIntent, surroundings: Surroundings, refresh: () => Promise<void>): HTMLElement {
  const { tenant, session } = surroundings.connection;
  const { intent_id, intent_type, target_artifact_id: target, created_at, context } = pending;
  const takeUp = async (): Promise<void> => {
    const handle = await tenant.pendingIntents.submit(intent_id, { sessionId: await session.id() });
    location.hash = executionAddress(handle.executionId);
  };
  const dismiss = async (): Promise<void> => {
    await tenant.pendingIntents.cancel(intent_id);
    await refresh();
  };
  return h(
    "tr",
    {},
    h("td", {}, intent_type),
    h("td", {}, target.startsWith("execution_") ? idLink(executionAddress(target), target) : h("code", {}, target)),
    h("td", {}, timeView(created_at)),
    h("td", { class: "wide" }, jsonView("context", context)),
    h("td", {}, actionButton("Take up", takeUp, surroundings), actionButton("Dismiss", dismiss, surroundings)),
  );
}

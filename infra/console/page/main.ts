import { ProblemError } from "../../../shared/client/problem-error.ts";
import { addressOf, readAddress } from "./address.ts";
import { readCatalog } from "./catalog.ts";
import { connect, type Credentials, keepCredentials, keptCredentials, proveTenant } from "./connection.ts";
import { h } from "./dom.ts";
import { executionView } from "./execution-view.ts";
import { executionsView } from "./executions-view.ts";
import { logView } from "./log-view.ts";
import { pendingView } from "./pending-view.ts";
import { signIn } from "./sign-in.ts";
import { submitView } from "./submit-view.ts";
import { errorText, type Surroundings, type View } from "./view.ts";

const VIEWS: Readonly<Record<string, View>> = {
  executions: executionsView,
  execution: executionView,
  pending: pendingView,
  log: logView,
  submit: submitView,
};
const MENU = { executions: "Executions", pending: "Waiting", log: "Log", submit: "Submit" } as const;

/** Shows the sign-in, or what the address names, and again whenever that changes. */
function start(): void {
  const kept = keptCredentials();
  if (kept === undefined) ask("acme", "");
  else void look(kept);
}

function ask(tenantId: string, why: string): void {
  keepCredentials(undefined);
  document.body.replaceChildren(signIn(tenantId, why, (credentials) => void look(credentials)));
}

async function look(credentials: Credentials): Promise<void> {
  const { tenantId } = credentials;
  const over = new AbortController();
  const connection = connect(credentials);
  const fault = h("p", { class: "fault notice", role: "alert", hidden: true });
  const tell = (error: unknown): void => {
    if (error instanceof ProblemError && error.status === 401 && !over.signal.aborted) {
      over.abort();
      return ask(tenantId, errorText(error));
    }
    fault.hidden = error === undefined;
    fault.textContent = error === undefined ? "" : errorText(error);
  };
  let catalog: Surroundings["catalog"];
  try {
    catalog = await readCatalog(connection.transport);
    await proveTenant(connection);
  } catch (error) {
    return ask(tenantId, errorText(error));
  }
  keepCredentials(credentials);

  const menu = h("nav");
  const main = h("main");
  let shown = new AbortController();
  const show = (): void => {
    shown.abort();
    shown = new AbortController();
    tell(undefined);
    const address = readAddress(location.hash);
    const name = address.path[0] ?? "executions";
    const links = Object.entries(MENU).map(([view, label]) =>
      h("a", { href: addressOf([view]), class: view === name ? "chosen" : "" }, label),
    );
    menu.replaceChildren(...links);
    const view = VIEWS[name] ?? executionsView;
    main.replaceChildren(
      view({ connection, catalog, address, signal: AbortSignal.any([shown.signal, over.signal]), tell }),
    );
  };
  const leave = (): void => {
    over.abort();
    ask(tenantId, "");
  };
  over.signal.addEventListener("abort", () => {
    removeEventListener("hashchange", show);
  });
  addEventListener("hashchange", show);
  const who = h("span", { class: "who" }, tenantId, h("button", { type: "button", onclick: leave }, "Leave"));
  const docs = h("a", { href: "/docs" }, "API");
  document.body.replaceChildren(h("header", {}, h("b", {}, "Symphainy"), menu, docs, who), fault, main);
  show();
}

start();

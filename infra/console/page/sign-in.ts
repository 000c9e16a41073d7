import { ProblemError } from "../../../shared/client/problem-error.ts";
import { type Credentials, devToken } from "./connection.ts";
import { h } from "./dom.ts";
import { errorText } from "./view.ts";

/** Asks who looks; `why` tells what was wrong with the last ones. */
export function signIn(tenantId: string, why: string, enter: (credentials: Credentials) => void): HTMLElement {
  const tenant = h("input", { value: tenantId, required: true, "aria-label": "Tenant" });
  const token = h("input", { type: "password", autocomplete: "off", "aria-label": "Bearer token" });
  const fault = h("p", { class: "fault", role: "alert" }, why);
  const go = async (): Promise<void> => {
    const given = token.value.trim();
    enter({ tenantId: tenant.value, token: given === "" ? await devToken(tenant.value) : given });
  };
  const submit = (event: Event): void => {
    event.preventDefault();
    go().catch((error: unknown) => {
      const noDevMode = error instanceof ProblemError && error.status === 404;
      fault.textContent = noDevMode ? "This runtime hands out no tokens: give one of your own." : errorText(error);
    });
  };
  return h(
    "form",
    { class: "sign-in", onsubmit: submit },
    h("h1", {}, "Symphainy"),
    h("label", {}, "Tenant", tenant),
    h("label", {}, "Bearer token (none in dev mode)", token),
    fault,
    h("button", {}, "Look"),
  );
}

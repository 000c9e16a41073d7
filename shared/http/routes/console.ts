import type { ConsolePage } from "../../ports/console-page.ts";
import type { Router } from "../router.ts";

/** The operator's web page. Anybody may load it: it shows what the API answers to the token that is typed in. */
export function addConsoleRoute(router: Router, open: () => Promise<ConsolePage>): void {
  router.route("GET", "/console", async () => {
    const { html, policy } = await open();
    const headers = {
      "content-type": "text/html; charset=UTF-8",
      "content-security-policy": policy,
      "referrer-policy": "no-referrer",
    };
    return { status: 200, headers, body: html };
  });
}

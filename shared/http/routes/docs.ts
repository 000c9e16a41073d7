import type { RuntimeServices } from "../../services.ts";
import { jsonAnswer } from "../http-answer.ts";
import { type ApiInfo, openApiDocument } from "../open-api.ts";
import type { Router } from "../router.ts";
import { VERSION } from "../version.ts";
import type { OpenApiDocument } from "./docs-page.ts";

/** What every description of this API begins with. */
export const INFO: ApiInfo = {
  title: "Symphainy Runtime",
  version: VERSION,
  description: "Durable, governed execution of intents. Every error is application/problem+json with a stable `code`.",
};

/** The page has a style and nothing else: no script, no frame around it. */
const PAGE_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'";

/** The API's description, for machines and for people. */
export function addDocsRoutes(router: Router, { catalog }: RuntimeServices): void {
  // Made once, when somebody asks; no endpoint is added later.
  let document: ReturnType<typeof openApiDocument> | undefined;
  let page: string | undefined;
  const openApi = () => (document ??= openApiDocument(INFO, router.endpoints));

  router.route("GET", "/openapi.json", async () => jsonAnswer(await openApi()));
  router.route("GET", "/docs", async () => {
    const { renderDocs } = await import("./docs-page.ts");
    page ??= renderDocs((await openApi()) as unknown as OpenApiDocument, catalog.definitions);
    const headers = { "content-type": "text/html; charset=UTF-8", "content-security-policy": PAGE_POLICY };
    return { status: 200, headers, body: page };
  });
  router.route("GET", "/", () => ({ status: 302, headers: { location: "/docs" } }));
}

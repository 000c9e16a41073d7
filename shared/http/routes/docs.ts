import type { RuntimeServices } from "../../services.ts";
import type { Router } from "../endpoint.ts";
import { renderDocs, type OpenApiDocument } from "./docs-page.ts";

/** What every description of this API begins with. */
export const INFO = {
  title: "Symphainy Runtime",
  version: "0.1.0",
  description: "Durable, governed execution of intents. Every error is application/problem+json with a stable `code`.",
};

/** The page has a style and nothing else: no script, no frame around it. */
const PAGE_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'";

/** The API's description, for machines and for people; made from the schemas that check the requests. */
export function addDocsRoutes(router: Router, { catalog }: RuntimeServices): void {
  router.openAPIRegistry.registerComponent("securitySchemes", "bearer", {
    type: "http",
    scheme: "bearer",
    bearerFormat: "JWT",
  });
  // Made when somebody asks, not while a caller waits for the start; no endpoint is added later.
  let document: ReturnType<typeof router.getOpenAPI31Document> | undefined;
  let page: string | undefined;
  const openApi = () => (document ??= router.getOpenAPI31Document({ openapi: "3.1.0", info: INFO }));

  router.get("/openapi.json", (c) => c.json(openApi()));
  router.get("/docs", (c) => {
    page ??= renderDocs(openApi() as unknown as OpenApiDocument, catalog.definitions);
    return c.html(page, 200, { "content-security-policy": PAGE_POLICY });
  });
  router.get("/", (c) => c.redirect("/docs"));
}

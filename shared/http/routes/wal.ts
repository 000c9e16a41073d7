import * as z from "zod";

import { parseRfc3339 } from "../../clock.ts";
import { asId } from "../../ids.ts";
import type { RuntimeServices } from "../../services.ts";
import { EVENT_TYPES, logEntrySchema } from "../../state/log-entry.ts";
import { addEndpoint, type Router } from "../endpoint.ts";
import { cursorOf, instant, pageQuery, tenantId } from "../wire.ts";

/** The tenant's write-ahead log. */
export function addWalRoutes(router: Router, { log, adapters }: RuntimeServices): void {
  addEndpoint(
    router,
    adapters.tokens,
    {
      method: "get",
      path: "/wal",
      tag: "write-ahead log",
      summary: "Read the write-ahead log",
      description:
        "Each entry's hash is SHA-256 over its JSON text without the member `hash`; `previous_hash` chains the entries of one execution, or of one session.",
      query: z.object({
        tenant_id: tenantId,
        type: z.enum(EVENT_TYPES).optional(),
        session_id: z.string().min(1).optional(),
        execution_id: z.string().min(1).optional(),
        from: instant.optional().describe("inclusive"),
        to: instant.optional().describe("exclusive"),
        order: z.enum(["newest", "chronological"]).default("newest"),
        ...pageQuery,
      }),
      answers: {
        200: {
          description: "a page",
          schema: z.object({ entries: z.array(logEntrySchema), next_cursor: z.string().optional() }),
        },
      },
    },
    async ({ query, tenantId: tenant }) => {
      const filter = {
        eventType: query.type,
        sessionId: query.session_id === undefined ? undefined : asId.session(query.session_id),
        executionId: query.execution_id === undefined ? undefined : asId.execution(query.execution_id),
        fromMs: query.from === undefined ? undefined : parseRfc3339(query.from),
        toMs: query.to === undefined ? undefined : parseRfc3339(query.to),
        order: query.order,
      };
      const page = await log.read(tenant, filter, query);
      return { status: 200, json: { entries: page.items, ...cursorOf(page) } };
    },
  );
}

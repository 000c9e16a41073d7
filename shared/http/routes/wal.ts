import * as z from "zod";

import { parseRfc3339 } from "../../clock.ts";
import { asId } from "../../ids.ts";
import type { RuntimeServices } from "../../services.ts";
import { EVENT_TYPES, logEntrySchema } from "../../state/log-entry.ts";
import { addEndpoint } from "../endpoint.ts";
import type { Router } from "../router.ts";
import { anyId, cursorOf, instant, pageQuery, tenantId } from "../wire.ts";

const faultSchema = z.object({
  stream: z.string().describe("an execution's id, or a session's"),
  sequence: z.int(),
  fault: z.enum(["changed", "missing", "relinked"]),
});

/** The tenant's write-ahead log. */
export function addWalRoutes(router: Router, services: RuntimeServices): void {
  addReading(router, services);
  addVerification(router, services);
}

function addVerification(router: Router, { log, adapters }: RuntimeServices): void {
  addEndpoint(
    router,
    adapters.tokens,
    {
      method: "get",
      path: "/wal/verify",
      role: "viewer",
      tag: "write-ahead log",
      summary: "Verify the hash chains of the log",
      description:
        "Of one execution, up to the end that its state knows; or of a session, a stretch of time or the whole tenant. A stretch that begins with `from` takes the first entry of each chain in it on trust.",
      query: z.object({
        tenant_id: tenantId,
        execution_id: anyId.optional(),
        session_id: anyId.optional(),
        from: instant.optional().describe("inclusive"),
        to: instant.optional().describe("exclusive"),
      }),
      answers: {
        200: {
          description: "what was found",
          schema: z.object({
            verified: z.boolean().describe("whether no chain has a fault"),
            entries: z.int().optional().describe("how many were read; not told for one execution"),
            chains: z.int(),
            faults: z.array(faultSchema).describe("the first fault of each faulty chain, up to 100"),
          }),
        },
      },
      problems: [404],
    },
    async ({ query, tenantId: tenant }) => {
      if (query.execution_id !== undefined) {
        const executionId = asId.execution(query.execution_id);
        const fault = await log.verify(tenant, executionId);
        const faults = fault === undefined ? [] : [{ stream: executionId, ...fault }];
        return { status: 200, json: { verified: faults.length === 0, chains: 1, faults } };
      }
      const found = await log.verifyAll(tenant, {
        sessionId: query.session_id === undefined ? undefined : asId.session(query.session_id),
        fromMs: query.from === undefined ? undefined : parseRfc3339(query.from),
        toMs: query.to === undefined ? undefined : parseRfc3339(query.to),
      });
      return { status: 200, json: { verified: found.faults.length === 0, ...found } };
    },
  );
}

function addReading(router: Router, { log, adapters }: RuntimeServices): void {
  addEndpoint(
    router,
    adapters.tokens,
    {
      method: "get",
      path: "/wal",
      role: "viewer",
      tag: "write-ahead log",
      summary: "Read the write-ahead log",
      description:
        "Each entry's hash is SHA-256 over its JSON text without the member `hash`; `previous_hash` chains the entries of one execution, or of one session.",
      query: z.object({
        tenant_id: tenantId,
        type: z.enum(EVENT_TYPES).optional(),
        session_id: anyId.optional(),
        execution_id: anyId.optional(),
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

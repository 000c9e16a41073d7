import * as z from "zod";

import type { DevTokenIssuer } from "../../ports/token-verifier.ts";
import { addPublicEndpoint, type Router } from "../endpoint.ts";

/** Tokens for anybody: only where dev mode provides an issuer, which listens on loopback only. */
export function addDevTokenRoute(router: Router, issuer: DevTokenIssuer): void {
  addPublicEndpoint(
    router,
    {
      method: "post",
      path: "/dev/token",
      tag: "development",
      summary: "A token for any tenant (dev mode only)",
      body: z.object({
        tenant_id: z
          .string()
          .min(1)
          .max(128)
          .regex(/^[\w.-]+$/, "must consist of letters, digits, _ . -")
          .meta({ example: "acme" }),
        user_id: z.string().min(1).max(256).optional(),
        roles: z.array(z.string().min(1)).max(50).optional(),
      }),
      answers: { 200: { description: "the token", schema: z.object({ token: z.string(), expires_in: z.int() }) } },
      problems: [422],
    },
    async ({ body }) => {
      const issued = await issuer.issue({ tenantId: body.tenant_id, userId: body.user_id, roles: body.roles });
      return { status: 200, json: { token: issued.token, expires_in: issued.expiresInSeconds } };
    },
  );
}

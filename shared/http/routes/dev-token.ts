import * as z from "zod";

import { RuntimeError } from "../../errors.ts";
import type { DevTokenIssuer } from "../../ports/token-verifier.ts";
import { ROLES } from "../../roles.ts";
import { addPublicEndpoint } from "../endpoint.ts";
import type { Router } from "../router.ts";
import { isLoopback } from "../../loopback.ts";

/** Tokens for anybody: only where dev mode provides an issuer, which listens on loopback only. */
export function addDevTokenRoute(router: Router, issuer: DevTokenIssuer): void {
  addPublicEndpoint(
    router,
    {
      method: "post",
      path: "/dev/token",
      tag: "development",
      summary: "A token for any tenant (dev mode only)",
      body: z.strictObject({
        tenant_id: z
          .string()
          .min(1)
          .max(128)
          .regex(/^(?!\.+$)[\w.-]+$/, "must consist of letters, digits, _ . -")
          .meta({ example: "acme" }),
        user_id: z.string().min(1).max(256).optional(),
        roles: z
          .array(z.enum(ROLES))
          .max(ROLES.length)
          .optional()
          .describe("without: every role of the tenant's own, which are all but platform"),
      }),
      answers: { 200: { description: "the token", schema: z.object({ token: z.string(), expires_in: z.int() }) } },
      problems: [403, 422],
    },
    async ({ body, request }) => {
      requireLoopback(request.origin());
      const issued = await issuer.issue({ tenantId: body.tenant_id, userId: body.user_id, roles: body.roles });
      return { status: 200, json: { token: issued.token, expires_in: issued.expiresInSeconds } };
    },
  );
}

/** A page of another site may have its own name lead to this machine (DNS rebinding); that name is then the host of the request. */
function requireLoopback(origin: string): void {
  if (isLoopback(new URL(origin).hostname)) return;
  throw new RuntimeError("auth.not_loopback", "Tokens are for this machine only: ask 127.0.0.1 or localhost.", {
    status: 403,
  });
}

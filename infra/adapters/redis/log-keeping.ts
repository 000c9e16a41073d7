import { type TenantId, trustedTenantId } from "../../../shared/ids.ts";
import type { LogKeeping } from "../../../shared/ports/log-keeping.ts";
import { escaped, tenantRoot, unescaped } from "./keys.ts";
import { texts, unexpected } from "./replies.ts";
import { defineScript, type RunScript } from "./script.ts";
import { FORGET, TENANTS } from "./scripts/forget.lua.ts";

const forgetOne = defineScript("forget", FORGET);
const someTenants = defineScript("tenants", TENANTS);

/** Forgets whole executions, in calls of bounded size each. */
export function createLogKeeping(run: RunScript, root: string): LogKeeping {
  const tenantsKey = `${root}tenants`;

  return {
    tenants: async () => {
      const names = new Set<string>();
      let from = "0";
      do {
        const [next, ...found] = texts(await run(someTenants, [tenantsKey], [from]));
        for (const name of found) names.add(name ?? "");
        from = next ?? "0";
      } while (from !== "0");
      return Array.from(names, (name): TenantId => trustedTenantId(unescaped(name)));
    },
    forget: async (tenantId, executionId) => {
      const keys = [`${tenantRoot(root, tenantId)}x:${escaped(executionId)}`, tenantsKey];
      for (;;) {
        const reply = await run(forgetOne, keys, []);
        if (reply === "forgotten" || reply === "unfinished") return reply;
        if (reply !== "more") throw unexpected(reply);
      }
    },
  };
}

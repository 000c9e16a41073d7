import { RuntimeError } from "./errors.ts";

/**
 * What a caller may do in its own tenant, the least first: reading, submitting, and what is behind them. `platform` is apart: it
 * serves the whole installation and opens no tenant's data. Source: adr/0016-identity-and-roles.md.
 */
export const ROLES = ["viewer", "submitter", "operator", "platform"] as const;
export type Role = (typeof ROLES)[number];

const LADDER: readonly Role[] = ["viewer", "submitter", "operator"];

/** Whether one of the roles is the needed one, or one above it. */
export function includesRole(roles: readonly Role[], needed: Role): boolean {
  if (roles.includes(needed)) return true;
  const least = LADDER.indexOf(needed);
  return least !== -1 && roles.some((role) => LADDER.indexOf(role) > least);
}

/** Throws `auth.role_missing` (403) where a caller has neither the needed role nor one above it; the runtime itself, without roles, may do all. */
export function expectRole(roles: readonly Role[] | undefined, needed: Role): void {
  if (roles === undefined || includesRole(roles, needed)) return;
  throw new RuntimeError("auth.role_missing", `This needs the role ${needed}.`, {
    status: 403,
    details: { role: needed },
  });
}

/** The roles among some names; others are another system's. */
export function knownRoles(names: readonly string[]): readonly Role[] {
  return ROLES.filter((role) => names.includes(role));
}

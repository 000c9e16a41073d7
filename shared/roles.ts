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

/** The roles among some names; others are another system's. */
export function knownRoles(names: readonly string[]): readonly Role[] {
  return ROLES.filter((role) => names.includes(role));
}

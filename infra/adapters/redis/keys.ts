import type { ExecutionRef } from "../../../shared/ports/execution-store.ts";
import { asId, type TenantId, trustedTenantId } from "../../../shared/ids.ts";

/** In place of a name that is not there: no escaped text is this. */
export const NONE = "%-";

const PLAIN = /^[\w.~@/-]+$/;

/**
 * Text as a part of a key, a member or a field that is put together from several: what separates them (`:`, space) and what marks
 * a hash slot (`{`, `}`) cannot occur in it, and different texts stay different. Empty text becomes `%`, which nothing else does.
 */
export function escaped(text: string): string {
  if (PLAIN.test(text)) return text;
  return text === "" ? "%" : encodeURIComponent(text.toWellFormed());
}

export function unescaped(text: string): string {
  return text === "%" ? "" : decodeURIComponent(text);
}

/** Everything of a store lies below one hash tag, so that a script may touch all of it (ADR 0010). */
export function rootOf(namespace: string): string {
  return `{${escaped(namespace)}}:`;
}

export function tenantRoot(root: string, tenantId: TenantId): string {
  return `${root}t:${escaped(tenantId)}:`;
}

/** The execution that a listing across tenants names `tenant:execution`. */
export function readRef(name: string): ExecutionRef {
  const at = name.indexOf(":");
  return {
    tenantId: trustedTenantId(unescaped(name.slice(0, at))),
    executionId: asId.execution(unescaped(name.slice(at + 1))),
  };
}

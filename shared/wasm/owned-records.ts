import type { InstanceId } from "../ids.ts";

/** The kinds of records that belong to an instance, and go with it. */
export const KEY_KIND = "wasm_kv";
export const INBOX_KIND = "wasm_inbox";
export const MESSAGE_KIND = "wasm_message";
/** The inbox before its messages: without it no more of them come. */
export const OWNED_KINDS: readonly string[] = [KEY_KIND, INBOX_KIND, MESSAGE_KIND];

/** The listing of what belongs to an instance, of each of those kinds. */
export function ofInstance(instanceId: InstanceId): string {
  return `instance=${instanceId}`;
}

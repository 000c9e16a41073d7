import { artifactKind } from "../../artifacts/artifact.ts";
import { RuntimeError } from "../../errors.ts";
import type { TenantId } from "../../ids.ts";
import { GUEST_LIMITS } from "../../ports/guest-limits.ts";
import type { RuntimeServices } from "../../services.ts";
import { wasmError } from "../../wasm-error.ts";

const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

/** Where a request says that its module is. */
interface ModuleReference {
  readonly module_base64?: string | undefined;
  readonly artifact_id?: string | undefined;
}

/** The module's bytes. Throws INVALID_REQUEST for none, for two, and for text that is not base64; `artifact.not_found` (404). */
export async function readModule(
  { surface, artifactBytes }: Pick<RuntimeServices, "surface" | "artifactBytes">,
  tenantId: TenantId,
  { module_base64: text, artifact_id: artifactId }: ModuleReference,
): Promise<Uint8Array> {
  if (text !== undefined && artifactId === undefined) {
    if (!BASE64.test(text)) throw wasmError("INVALID_REQUEST", "module_base64 is not base64.", { reason: "base64" });
    return Buffer.from(text, "base64");
  }
  if (text !== undefined || artifactId === undefined)
    throw wasmError("INVALID_REQUEST", "Send module_base64 or artifact_id.", { reason: "module" });
  const found = await surface.get(tenantId, artifactKind, artifactId);
  const [materialization] = found?.value.materializations ?? [];
  if (found?.value.lifecycle_state !== "READY" || materialization === undefined)
    throw new RuntimeError("artifact.not_found", `There is no artifact ${artifactId} that is ready.`, { status: 404 });
  if (materialization.size_bytes > GUEST_LIMITS.moduleBytes) {
    const message = `The module has ${materialization.size_bytes} bytes; ${GUEST_LIMITS.moduleBytes} are allowed.`;
    throw wasmError("INVALID_REQUEST", message, { reason: "too_large" });
  }
  return Buffer.concat(await Array.fromAsync(await artifactBytes.read(materialization)));
}

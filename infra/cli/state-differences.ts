import { isDeepStrictEqual } from "node:util";

import * as z from "zod";

import type { Execution } from "../../shared/executions/execution.ts";
import { executionAnswer } from "../../shared/http/routes/execution-view.ts";
import { sha256, toJson } from "../../shared/json.ts";
import type { ExecutionAnswer } from "./executions.ts";

const reference = z.strictObject({ $claim_check: z.object({ sha256: z.string() }) });

/** Where a folded execution differs from the stored one, as dotted paths; what the status does not show is left out. */
export function stateDifferences(folded: Execution | undefined, stored: ExecutionAnswer): readonly string[] {
  if (folded === undefined) return ["everything: the log has no entry"];
  // Without its artifacts, which other executions move on afterwards.
  const { artifacts: _, ...state } = folded;
  const { artifacts: __, events: ___, ...told } = stored;
  return [...differences(executionAnswer.parse(toJson(state)), toJson(told), "")];
}

function* differences(folded: unknown, stored: unknown, path: string): Iterable<string> {
  if (isDeepStrictEqual(folded, stored) || isReferenceTo(folded, stored)) return;
  if (!isObject(folded) || !isObject(stored)) {
    yield path;
    return;
  }
  for (const name of new Set([...Object.keys(folded), ...Object.keys(stored)]))
    yield* differences(folded[name], stored[name], path === "" ? name : `${path}.${name}`);
}

/** A large payload is in the log by its digest, and whole in the status. */
function isReferenceTo(folded: unknown, stored: unknown): boolean {
  const parked = reference.safeParse(folded);
  return parked.success && parked.data.$claim_check.sha256 === sha256(JSON.stringify(stored));
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null;
}

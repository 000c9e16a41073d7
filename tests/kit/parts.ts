import { describe, inject } from "vitest";
import * as z from "zod";

import type { PartName } from "../../infra/dev/parts/find-parts.ts";
import { RuntimeError } from "../../shared/errors.ts";
import { NEEDS } from "./parts-setup.ts";

/**
 * Defines tests that need real parts: `withParts(["redis"], () => { describe(…) })`. Where one is missing they are skipped, hooks
 * included, under a name that says why; the run says so at its start and at its end (`parts-setup.ts`).
 */
export function withParts(needed: readonly PartName[], define: () => void): void {
  const lacking = inject("missingParts").filter(({ part }) => needed.includes(part));
  if (lacking.length === 0) return define();
  const lacks = lacking.map((missing) => missing.lacks).join(" and ");
  describe.skipIf(lacking.length > 0)(`${NEEDS}${lacks}, which this machine does not have`, () => {
    define();
  });
}

const addressSchema = z.object({ host: z.string(), port: z.int() });

/** `host:port`, as the clients' `…_EMULATOR_HOST` variables want it. */
export type EmulatorAddress = `${string}:${number}`;

/** The Firestore emulator that all test files of this run share: a project id of its own keeps a test to itself. Never pause or kill it. */
export function sharedFirestore(): Promise<EmulatorAddress> {
  return sharedPart("firestore");
}

/** The Pub/Sub emulator that all test files of this run share: a project id of its own keeps a test to itself. Never pause or kill it. */
export function sharedPubsub(): Promise<EmulatorAddress> {
  return sharedPart("pubsub");
}

/** The Postgres server that all test files of this run share, as superuser: a database of its own keeps a test to itself. Never stop it. */
export async function sharedPostgres(): Promise<string> {
  return `postgres://postgres@${await sharedPart("postgres")}`;
}

async function sharedPart(name: PartName): Promise<EmulatorAddress> {
  const response = await fetch(`${inject("sharedPartsUrl")}/${name}`);
  if (!response.ok) throw new RuntimeError("part.not_started", await response.text());
  const { host, port } = addressSchema.parse(await response.json());
  return `${host}:${port}`;
}

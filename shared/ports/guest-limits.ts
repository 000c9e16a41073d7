import { durationMs } from "../duration.ts";

/** What a guest may take, whoever it is of; the pool enforces them. Sizes in bytes. */
export const GUEST_LIMITS = {
  moduleBytes: 16 * 1024 * 1024,
  /** Memory of one instance; a module that declares no maximum gets `memoryDefaultBytes`. */
  memoryMaxBytes: 64 * 1024 * 1024,
  memoryDefaultBytes: 16 * 1024 * 1024,
  tableEntries: 10_000,
  /** Input and output of a call, each. */
  payloadBytes: 1024 * 1024,
  /** What a call may log; the rest is dropped. */
  logBytes: 64 * 1024,
  deadlineMinMs: durationMs("1s"),
  deadlineMaxMs: durationMs("30s"),
  deadlineDefaultMs: durationMs("5s"),
} as const;

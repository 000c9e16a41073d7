import { durationMs } from "../duration.ts";

const KIB = 1024;
const MIB = 1024 * KIB;

/** What a guest may take, whoever it is of; the pool enforces them. */
export const GUEST_LIMITS = {
  moduleBytes: 16 * MIB,
  /** One function's code: what is compiled in one piece, which nothing can cut short. */
  functionBytes: 1 * MIB,
  /** Memory of one instance, and what a module gets that names no maximum. */
  memoryMaxBytes: 64 * MIB,
  memoryDefaultBytes: 16 * MIB,
  /** In all tables of an instance together. */
  tableEntries: 10_000,
  /** Input and output of a call, each; also the answer to a capability call. */
  payloadBytes: 1 * MIB,
  /** What a call may log; the rest is dropped. */
  logBytes: 64 * KIB,
  /** One capability call's request, and how many a call may make. */
  requestBytes: 256 * KIB,
  capabilityCalls: 10_000,
  deadlineMinMs: durationMs("1s"),
  deadlineMaxMs: durationMs("30s"),
  deadlineDefaultMs: durationMs("5s"),
} as const;

import type { JsonValue } from "../../shared/json.ts";
import type { ExecutionStore } from "../../shared/ports/execution-store.ts";
import type { IntentDefinition } from "../../shared/sagas/intent-definition.ts";
import type { ExternalSystem } from "./external-system.ts";
import type { ModelDatabase, Weakness } from "./model-database.ts";
import type { Io } from "./model-store.ts";

/** How much may go wrong in one history. Absent means 0. */
export interface Budgets {
  /** A worker dies, before or after one of its I/Os. */
  readonly crashes?: number;
  /** A worker hears an error: of an I/O that was not carried out, or of one that was. */
  readonly errors?: number;
  /** Another worker takes a living one for dead and takes over. */
  readonly takeovers?: number;
  /** The same submission arrives again, at another worker. */
  readonly duplicates?: number;
  readonly cancels?: number;
  /** The signal that the plan awaits arrives; more than once means delivered again. */
  readonly signals?: number;
  /** A person lets a dead execution go on, or repeats one that ended without success. */
  readonly retries?: number;
  /** Somebody else changes the execution's artifacts. */
  readonly rivals?: number;
  /** A worker is told to stop. */
  readonly drains?: number;
  /** An I/O hangs until the time of its step is over. */
  readonly stalls?: number;
  /** A worker is interrupted in favour of another, or one of its works in favour of another. */
  readonly preemptions?: number;
  /** Of all of the above together, preemptions apart. */
  readonly faults: number;
}

export interface Scenario {
  /** The first is submitted, the others are its children. Built anew for each worker, whose I/O they use. */
  readonly intents: (io: Io, external: ExternalSystem) => readonly IntentDefinition[];
  /** The steps of each intent whose effect is made through the ledger. */
  readonly effects: Readonly<Record<string, readonly string[]>>;
  readonly budgets: Budgets;
  /** Steps whose effect is made outside, at most once. */
  readonly atMostOnce?: readonly string[];
  /** Whether an execution may end as dead: an undo fails for ever, or something past the pivot does. */
  readonly mayDie?: boolean;
  readonly signal?: { readonly name: string; readonly payload: JsonValue };
  /** Whether a cancellation stops it where it is, instead of turning it back. */
  readonly stops?: boolean;
  /** Whether the workers' own relays publish; otherwise the last worker does it all. */
  readonly relays?: boolean;
  readonly weakness?: Weakness;
  readonly wrap?: (io: Io, database: ModelDatabase) => ExecutionStore;
}

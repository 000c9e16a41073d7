import type { DocumentReference, DocumentSnapshot, Firestore, Timestamp } from "@google-cloud/firestore";
import * as z from "zod";

import type { ExecutionRef } from "../../../shared/ports/execution-store.ts";
import type { Layout } from "./layout.ts";
import { createMemory } from "./memory.ts";
import type { Reach } from "./reach.ts";

const HEADS_REMEMBERED = 10_000;

const rowSchema = z.object({
  epoch: z.int(),
  /** Whether it is unfinished. */
  live: z.boolean(),
  /** Null when it was let go or has ended. */
  owner: z.string().nullable(),
  /** The ids of unread mail, in the order in which it was sent. */
  unread: z.array(z.string()).readonly(),
  /** Bytes of what was sent since no mail waited: what waits takes no more. Absent in documents of older versions. */
  unread_bytes: z.int().default(0),
  /** The sequence of its last log entry: the next one is later (S9). */
  logged: z.int(),
  /** The mark of the last commit or claim (O2). */
  change: z.string(),
});
export type HeadRow = z.infer<typeof rowSchema>;

/** The fields of an execution's document that decisions rest on, as they were at a time. */
export interface Head {
  readonly row: HeadRow;
  readonly updated: Timestamp;
}

/** The documents of executions, each of which is the lock of its execution: whoever changes anything of it changes this too. */
export interface Heads {
  /** As it is now, or undefined. */
  read(ref: ExecutionRef): Promise<Head | undefined>;
  readAll(refs: readonly ExecutionRef[]): Promise<readonly (Head | undefined)[]>;
  remembered(document: DocumentReference): Head | undefined;
  remember(document: DocumentReference, head: Head): void;
  forget(document: DocumentReference): void;
}

export function createHeads(db: Firestore, layout: Layout, reach: Reach): Heads {
  const memory = createMemory<Head>(HEADS_REMEMBERED);
  const readAll = async (refs: readonly ExecutionRef[]): Promise<readonly (Head | undefined)[]> => {
    if (refs.length === 0) return [];
    const fieldMask = Object.keys(rowSchema.shape);
    return (await reach.call(() => db.getAll(...refs.map((ref) => layout.execution(ref)), { fieldMask }))).map(headOf);
  };
  return {
    readAll,
    read: async (ref) => (await readAll([ref]))[0],
    remembered: ({ path }) => memory.get(path),
    remember: ({ path }, head) => memory.set(path, head),
    forget: ({ path }) => memory.forget(path),
  };
}

export function headOf(snapshot: DocumentSnapshot): Head | undefined {
  if (!snapshot.exists || snapshot.updateTime === undefined) return undefined;
  return { row: rowSchema.parse(snapshot.data()), updated: snapshot.updateTime };
}

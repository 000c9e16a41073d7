import type { DocumentReference, DocumentSnapshot, QueryDocumentSnapshot } from "@google-cloud/firestore";
import * as z from "zod";

import type { JsonObject } from "../../../shared/json.ts";
import type { ExecutionPatch, StoredExecution } from "../../../shared/ports/execution-store.ts";
import type { ChangeSet, Row } from "./change-set.ts";
import type { Layout } from "./layout.ts";

/**
 * Where an execution's steps lie: the first ones in the map `steps` of its own document, which every commit writes anyway, so that a
 * step costs no write of its own; the rest, and those that are large, in documents below it.
 *  P1  What the map says of a step is so: its body, or nothing, and then its document has it.
 *  P2  Where every step is in the map, none is looked for below.
 */
const MAX_POSITIONS = 24;
/** With so many of this size the document still holds the largest intent and head. */
const MAX_BODY_BYTES = 4 * 1024;
const ELSEWHERE = "";
/** Says that there are documents of further steps. */
const FURTHER = "further";

const mapSchema = z.record(z.string(), z.string());
const stepSchema = z.object({ position: z.int(), body: z.string() });
type Steps = StoredExecution["steps"];

/** Adds what does not lie in the map to the commit; returns what does, by its name there. */
export function addSteps(
  set: ChangeSet,
  layout: Layout,
  execution: DocumentReference,
  { steps }: ExecutionPatch,
): Readonly<Record<string, string>> {
  const map: Record<string, string> = {};
  for (const { position, body } of steps) {
    const text = JSON.stringify(body);
    const name = position < MAX_POSITIONS ? nameOf(position) : FURTHER;
    if (name !== FURTHER && Buffer.byteLength(text) <= MAX_BODY_BYTES) {
      map[name] = text;
    } else {
      map[name] = ELSEWHERE;
      set.put(layout.step(execution, position), { position, body: text });
    }
  }
  return map;
}

/** These entries of the map as fields of an update, which leaves its other entries as they are. */
export function stepFields(map: Readonly<Record<string, string>>): Row {
  return Object.fromEntries(Object.entries(map).map(([name, text]) => [`steps.${name}`, text]));
}

/** Whether the document has all steps of its execution (P2). */
export function hasEveryStep(snapshot: DocumentSnapshot): boolean {
  return !Object.values(mapOf(snapshot)).includes(ELSEWHERE);
}

/** The steps in their order, from the document and the documents below it. */
export function stepsIn(snapshot: DocumentSnapshot, below: readonly QueryDocumentSnapshot[]): Steps {
  const texts = new Map<number, string>();
  for (const document of below) {
    const { position, body } = stepSchema.parse(document.data());
    texts.set(position, body);
  }
  for (const [name, text] of Object.entries(mapOf(snapshot))) {
    if (text !== ELSEWHERE) texts.set(positionOf(name), text);
  }
  return [...texts]
    .toSorted(([one], [other]) => one - other)
    .map(([position, text]) => ({ position, body: JSON.parse(text) as JsonObject }));
}

function mapOf(snapshot: DocumentSnapshot): Readonly<Record<string, string>> {
  return mapSchema.parse(snapshot.get("steps"));
}

/** Not the bare number: a path of fields takes names. */
function nameOf(position: number): string {
  return `p${position}`;
}

function positionOf(name: string): number {
  return Number(name.slice(1));
}

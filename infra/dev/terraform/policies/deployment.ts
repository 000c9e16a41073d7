import type { Manifest } from "../../../build/manifest-form.ts";
import type { AppliedState } from "../applied-state.ts";
import type { FirestoreIndexes } from "../firestore-indexes.ts";

/** What a policy looks at. */
export interface Deployment {
  readonly state: AppliedState;
  /** What of the build's manifest it is to have: all of it, but the runner only where guests are taken. */
  readonly manifest: Manifest;
  /** What firestore.indexes.json says. */
  readonly indexes: FirestoreIndexes;
  readonly protected: boolean;
}

/** What is wrong; nothing, when the policy holds. */
export type Policy = (deployment: Deployment) => readonly string[];

/** One line for each thing of `found` that `ok` does not hold for. */
export function faultsOf<Thing extends { readonly address: string }>(
  found: readonly Thing[],
  ok: (thing: Thing) => boolean,
  what: string,
): readonly string[] {
  return found.filter((thing) => !ok(thing)).map(({ address }) => `${address}: ${what}`);
}

/** A line when two lists do not hold the same, in whatever order. */
export function differenceOf(what: string, found: readonly string[], wanted: readonly string[]): readonly string[] {
  const extra = found.filter((each) => !wanted.includes(each));
  const missing = wanted.filter((each) => !found.includes(each));
  const twice = found.filter((each, index) => found.indexOf(each) !== index);
  return [
    ...missing.map((each) => `${what}: ${each} is missing`),
    ...extra.map((each) => `${what}: ${each} is too much`),
    ...twice.map((each) => `${what}: ${each} is there twice`),
  ];
}

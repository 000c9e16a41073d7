import type { CallNode } from "../sagas/plan.ts";
import type { Step } from "./execution.ts";
import type { Member } from "./scene.ts";

/** Something to be done outside the journal, whose result is recorded when it comes. */
export type Task =
  | RunTask
  | { readonly kind: "undo"; readonly step: Step }
  | { readonly kind: "call"; readonly step: Step; readonly node: CallNode }
  | { readonly kind: "end_child"; readonly step: Step }
  | { readonly kind: "bar_child"; readonly step: Step };

export interface RunTask {
  readonly kind: "run";
  readonly step: Step;
  readonly member: Member;
}

/** What is to be done now, and until when there is nothing to do unless mail comes. */
export interface Agenda {
  readonly tasks: readonly Task[];
  readonly wakeAtMs: number | undefined;
  /** What was recorded fills a commit, and more is to be recorded after it. */
  readonly more?: true;
}

export const NOTHING: Agenda = { tasks: [], wakeAtMs: undefined };
export const MORE: Agenda = { ...NOTHING, more: true };

import type * as z from "zod";

/** As much of an intent's definition as its callers need: every IntentDefinition is one. */
export interface IntentLike {
  readonly type: string;
  readonly input: z.ZodType;
  readonly output: z.ZodType;
}

/** What a caller sends: members that have a default may be left out. */
export type InputOf<Intent extends IntentLike> = z.input<Intent["input"]>;
export type OutputOf<Intent extends IntentLike> = z.output<Intent["output"]>;

/** An intent by its name, typed by its definition. */
export interface IntentReference<Intent extends IntentLike> {
  readonly type: Intent["type"];
  /** Never there: it carries the definition's types, and nothing of its code. */
  readonly definition?: Intent;
}

/**
 * Names an intent without its code, for browsers: with `import type { ingestFile } from …`,
 * `reference<typeof ingestFile>("content.ingest_file")` is typed by the definition, name included, and costs its name.
 * Where the code is at hand anyway, the definition itself serves as well.
 */
export function reference<Intent extends IntentLike>(type: Intent["type"]): IntentReference<Intent> {
  return { type };
}

import type { Databases } from "./databases.ts";

/** What a part works with. */
export interface Bench {
  /** A short run that shows that everything works; its figures mean little. */
  readonly quick: boolean;
  /** A folder of this run on the disk, removed after it. */
  readonly directory: string;
  readonly databases: Databases;
  readonly say: (line: string) => void;
}

/** One line of the table. */
export interface Row {
  readonly figure: string;
  readonly measured: string;
  /** What it is to be seen beside. */
  readonly beside?: string;
  readonly ratio?: number;
}

export interface Outcome {
  readonly rows: readonly Row[];
  /** Everything measured, for results.json. */
  readonly figures: object;
}

export type Part = (bench: Bench) => Promise<Outcome>;

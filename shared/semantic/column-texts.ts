import type { JsonObject, JsonValue } from "../json.ts";
import type { ColumnOutline } from "./semantic-source.ts";

/** Of each column that many different values are looked at. */
const MAX_SAMPLES = 20;
const MAX_SAMPLE_CHARS = 80;

export interface ColumnText {
  readonly embeddingKind: "metadata" | "meaning" | "samples";
  readonly position: number;
  readonly column: ColumnOutline;
  readonly text: string;
}

/** Words that tell of a type what its name does not; whatever else a column means is in its name, and in those beside it. */
const TYPE_WORDS: Readonly<Record<string, string>> = {
  boolean: "flag yes no whether",
  integer: "number count",
  float: "number amount measure",
  date: "day calendar date",
  datetime: "time day moment timestamp",
  email: "email mail address contact",
  phone: "phone telephone number contact",
  uuid: "identifier id key",
  string: "text",
  array: "list of values",
  object: "structure record",
};

/** Collects different values of each column from the rows that it is shown. */
export class ColumnSamples {
  readonly #columns: readonly ColumnOutline[];
  readonly #samples: readonly Set<string>[];

  constructor(columns: readonly ColumnOutline[]) {
    this.#columns = columns;
    this.#samples = columns.map(() => new Set<string>());
  }

  add(row: JsonObject): void {
    for (const [index, { name }] of this.#columns.entries()) {
      const samples = this.#samples[index];
      const value = Object.hasOwn(row, name) ? row[name] : undefined;
      if (samples === undefined || samples.size === MAX_SAMPLES || value === undefined || value === null) continue;
      samples.add(textOf(value).slice(0, MAX_SAMPLE_CHARS));
    }
  }

  /** Three texts for each column: what it is called and is, what it may mean, and what is in it. */
  texts(tableName: string, domain = ""): readonly ColumnText[] {
    return this.#columns.flatMap((column, position): readonly ColumnText[] => {
      const { name, type } = column;
      const beside = [this.#columns[position - 1]?.name, this.#columns[position + 1]?.name].filter(Boolean);
      const texts = {
        metadata: `${name} ${type} column ${position + 1} of ${tableName}`,
        meaning: `${name} ${TYPE_WORDS[type] ?? ""} ${name} beside ${beside.join(" ")} in ${tableName} ${domain}`,
        samples: [...(this.#samples[position] ?? [])].join(" "),
      };
      return (["metadata", "meaning", "samples"] as const).map((embeddingKind) => ({
        embeddingKind,
        position,
        column,
        text: texts[embeddingKind],
      }));
    });
  }
}

function textOf(value: JsonValue): string {
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}

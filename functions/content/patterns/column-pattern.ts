import type { JsonObject, JsonValue } from "../../../shared/json.ts";
import { DistinctCount } from "./distinct-count.ts";
import { columnTypeOf, patternTypeOf, type PatternType, shapeOf } from "./pattern-type.ts";

const MAX_SAMPLES = 5;
const SAMPLE_CHARS = 100;
/** So many shapes are counted; a column of free text has no more than these worth telling. */
const MAX_SHAPES = 200;
const TOLD_SHAPES = 5;

/** What the values of one column show, in memory that does not grow with them. */
export class ColumnPattern {
  readonly #types = new Set<PatternType>();
  readonly #distinct: DistinctCount;
  readonly #samples = new Map<string, JsonValue>();
  readonly #shapes = new Map<string, number>();
  #values = 0;
  #numbers = 0;
  #texts = 0;
  #least = Number.POSITIVE_INFINITY;
  #most = Number.NEGATIVE_INFINITY;
  #mean = 0;
  #shortest = Number.POSITIVE_INFINITY;
  #longest = 0;
  #chars = 0;
  #earliest: string | undefined;
  #latest: string | undefined;

  constructor(maxExact: number) {
    this.#distinct = new DistinctCount(maxExact);
  }

  add(value: JsonValue): void {
    if (value === null) return;
    const type = patternTypeOf(value);
    this.#types.add(type);
    this.#values += 1;
    const text = typeof value === "string" ? value : JSON.stringify(value);
    this.#distinct.add(text);
    if (this.#samples.size < MAX_SAMPLES && !this.#samples.has(text)) {
      this.#samples.set(text, text.length > SAMPLE_CHARS ? `${text.slice(0, SAMPLE_CHARS)}…` : value);
    }
    if (typeof value === "number") this.#addNumber(value);
    else if (typeof value === "string") this.#addText(value, type);
  }

  get type(): PatternType {
    return columnTypeOf(this.#types);
  }

  /** `total` rows there were in all. */
  signature(name: string, total: number): JsonObject {
    const { type } = this;
    const common = {
      name,
      type,
      total,
      null: total - this.#values,
      unique: this.#distinct.count,
      unique_is_exact: this.#distinct.isExact,
      samples: [...this.#samples.values()],
    };
    if (type === "integer" || type === "float") {
      return { ...common, min: this.#least, max: this.#most, mean: this.#mean };
    }
    if (type === "date" || type === "datetime") {
      return { ...common, earliest: this.#earliest ?? null, latest: this.#latest ?? null };
    }
    if (this.#chars === 0 && this.#longest === 0) return common;
    const shapes = [...this.#shapes].toSorted(([a, x], [b, y]) => y - x || (a < b ? -1 : 1)).slice(0, TOLD_SHAPES);
    return {
      ...common,
      min_length: this.#shortest,
      max_length: this.#longest,
      mean_length: this.#chars / this.#texts,
      patterns: shapes.map(([pattern, count]) => ({ pattern, count })),
    };
  }

  #addNumber(value: number): void {
    this.#numbers += 1;
    this.#least = Math.min(this.#least, value);
    this.#most = Math.max(this.#most, value);
    this.#mean += (value - this.#mean) / this.#numbers;
  }

  #addText(text: string, type: PatternType): void {
    if (type === "date" || type === "datetime") {
      if (this.#earliest === undefined || text < this.#earliest) this.#earliest = text;
      if (this.#latest === undefined || text > this.#latest) this.#latest = text;
    }
    this.#texts += 1;
    this.#shortest = Math.min(this.#shortest, text.length);
    this.#longest = Math.max(this.#longest, text.length);
    this.#chars += text.length;
    const shape = shapeOf(text);
    const count = this.#shapes.get(shape);
    if (count !== undefined || this.#shapes.size < MAX_SHAPES) this.#shapes.set(shape, (count ?? 0) + 1);
  }
}

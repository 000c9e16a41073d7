import {
  DuckDBDecimalValue,
  DuckDBTimestampTZValue,
  DuckDBTimestampValue,
  type DuckDBValueConverter,
  type Json,
  JsonDuckDBValueConverter,
} from "@duckdb/node-api";

/** DuckDB's values as JSON, as `QueryAnswer` describes them. */
export const plainValue: DuckDBValueConverter<Json> = (value, type) => {
  if (typeof value === "bigint") return Number.isSafeInteger(Number(value)) ? Number(value) : String(value);
  if (value instanceof DuckDBDecimalValue) {
    const text = value.toString();
    // A double holds fifteen digits of any decimal.
    return value.width <= 15 ? Number(text) : text;
  }
  if (value instanceof DuckDBTimestampTZValue) return isoText(new DuckDBTimestampValue(value.micros).toString(), "Z");
  if (value instanceof DuckDBTimestampValue) return isoText(value.toString(), "");
  return JsonDuckDBValueConverter(value, type, plainValue) ?? null;
};

function isoText(text: string, zone: string): string {
  return /^\d{4}-\d\d-\d\d /.test(text) ? `${text.replace(" ", "T")}${zone}` : text;
}

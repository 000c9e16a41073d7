import type { SchemaElement } from "hyparquet";

import type { JsonValue } from "../../../shared/json.ts";
import type { ColumnKind } from "./column-kind.ts";

/** A column of a Parquet file: how it is declared, and how a value is written there. */
export interface ParquetColumn {
  readonly element: SchemaElement;
  /** Undefined for null. The value must be of the column's kind, or of a narrower one. */
  readonly encode: (value: JsonValue) => ParquetValue;
}

export type ParquetValue = boolean | number | bigint | string | undefined;

const DAY_MS = 86_400_000;

/** `fromText`: an empty text is null, as in CSV. */
export function parquetColumn(name: string, kind: ColumnKind, fromText: boolean): ParquetColumn {
  const optional = { name, repetition_type: "OPTIONAL" } as const;
  const nullable =
    (encode: (value: JsonValue) => ParquetValue) =>
    (value: JsonValue): ParquetValue =>
      value === null || (fromText && value === "") ? undefined : encode(value);
  switch (kind) {
    case "boolean":
      return {
        element: { ...optional, type: "BOOLEAN" },
        encode: nullable((value) => value === true || (typeof value === "string" && value.toLowerCase() === "true")),
      };
    case "integer":
      return { element: { ...optional, type: "INT64" }, encode: nullable((value) => BigInt(value as string | number)) };
    case "float":
      return { element: { ...optional, type: "DOUBLE" }, encode: nullable(Number) };
    case "date":
      return {
        element: { ...optional, type: "INT32", converted_type: "DATE", logical_type: { type: "DATE" } },
        encode: nullable((value) => Date.parse(`${textOf(value)}T00:00:00Z`) / DAY_MS),
      };
    case "local_time":
    case "moment":
      return {
        element: {
          ...optional,
          type: "INT64",
          logical_type: { type: "TIMESTAMP", isAdjustedToUTC: kind === "moment", unit: "MICROS" },
        },
        encode: nullable((value) => microsOf(textOf(value))),
      };
    case "null":
    case "string":
      return {
        element: { ...optional, type: "BYTE_ARRAY", converted_type: "UTF8", logical_type: { type: "STRING" } },
        encode: nullable(textOf),
      };
    case "json":
      return {
        // As a text of our own: the writer's own JSON has no member called __proto__.
        element: { ...optional, type: "BYTE_ARRAY", converted_type: "UTF8", logical_type: { type: "JSON" } },
        encode: (value) => (value === null ? undefined : JSON.stringify(value)),
      };
  }
}

/** A text as it is: in columns of these kinds there is nothing else. */
function textOf(value: JsonValue): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}

/** Microseconds since 1970 of an ISO 8601 time; one without a zone counts as UTC. */
function microsOf(text: string): bigint {
  const [, day = "", minute = "", second = "00", fraction = "", zone = "Z"] =
    /^(\d{4}-\d{2}-\d{2})(?:[Tt ](\d{2}:\d{2})(?::(\d{2})(?:\.(\d+))?)?([Zz]|[+-]\d{2}:?\d{2})?)?$/.exec(text) ?? [];
  const offset = zone.length === 5 ? `${zone.slice(0, 3)}:${zone.slice(3)}` : zone.toUpperCase();
  const wholeMs = Date.parse(`${day}T${minute === "" ? "00:00" : minute}:${second}${offset}`);
  return BigInt(wholeMs) * 1_000n + BigInt(fraction.padEnd(6, "0"));
}

import { open } from "node:fs/promises";
import { createInterface } from "node:readline";

import type { AsyncBuffer, FileMetaData, SchemaElement } from "hyparquet";

import { RuntimeError } from "../../../shared/errors.ts";
import type { JsonObject, JsonValue } from "../../../shared/json.ts";

/** The rows of a Parquet file in order, with no more than a row group in memory. Throws `tables.unreadable` (422). */
export async function* parquetRows(file: string): AsyncGenerator<JsonObject, void> {
  const { parquetMetadataAsync, parquetRead } = await import("hyparquet");
  await using handle = await open(file, "r");
  const { size } = await handle.stat();
  const buffer: AsyncBuffer = {
    byteLength: size,
    slice: async (start, end = size) => {
      const bytes = new Uint8Array(end - start);
      await handle.read(bytes, 0, bytes.length, start);
      return bytes.buffer;
    },
  };
  const metadata = await parquetMetadataAsync(buffer, { parsers: PARSERS }).catch(unreadable);
  const columns = columnsOf(metadata);
  let rowStart = 0;
  for (const group of metadata.row_groups) {
    const rowEnd = rowStart + Number(group.num_rows);
    const options = { file: buffer, metadata, rowStart, rowEnd, parsers: PARSERS };
    let rows: readonly unknown[][] = [];
    // By position: an object of theirs has no member called __proto__.
    const onComplete = (read: unknown[][]): void => void (rows = read);
    await parquetRead({ ...options, rowFormat: "array", onComplete }).catch(unreadable);
    for (const row of rows) yield plainRow(row, columns);
    rowStart = rowEnd;
  }
}

/** The rows of a file that has one JSON object a line. */
export async function* jsonLineRows(file: string): AsyncGenerator<JsonObject, void> {
  await using handle = await open(file, "r");
  for await (const line of createInterface({ input: handle.createReadStream({ autoClose: false }) })) {
    if (line !== "") yield JSON.parse(line) as JsonObject;
  }
}

/** Times stay numbers until it is known which zone their column has. */
const PARSERS = {
  timestampFromMilliseconds: (millis: bigint) => millis * 1_000n,
  timestampFromMicroseconds: (micros: bigint) => micros,
  timestampFromNanoseconds: (nanos: bigint) => nanos / 1_000n,
  dateFromDays: (days: number | undefined) =>
    days === undefined ? undefined : new Date(days * 86_400_000).toISOString().slice(0, 10),
};

interface Column {
  readonly name: string;
  /** What ends the text of a time; undefined for a column that has none. */
  readonly zone: string | undefined;
  readonly isJson: boolean;
}

function columnsOf({ schema }: FileMetaData): readonly Column[] {
  return schema.slice(1).map((element) => ({
    name: element.name,
    zone: zoneOf(element),
    isJson: element.logical_type?.type === "JSON",
  }));
}

function zoneOf({ logical_type: logical, converted_type: converted }: SchemaElement): string | undefined {
  if (logical?.type === "TIMESTAMP") return logical.isAdjustedToUTC ? "Z" : "";
  return converted === "TIMESTAMP_MICROS" || converted === "TIMESTAMP_MILLIS" ? "" : undefined;
}

function plainRow(row: readonly unknown[], columns: readonly Column[]): JsonObject {
  const plain: Record<string, JsonValue> = {};
  for (const [index, column] of columns.entries()) {
    const { name } = column;
    const value = plainOf(row[index], column);
    // A column may be called __proto__.
    if (name === "__proto__") Object.defineProperty(plain, name, { value, enumerable: true });
    else plain[name] = value;
  }
  return plain;
}

function plainOf(value: unknown, { zone, isJson }: Column): JsonValue {
  if (value === undefined || value === null) return null;
  if (isJson && typeof value === "string") return JSON.parse(value) as JsonValue;
  if (typeof value !== "bigint") return value as JsonValue;
  if (zone !== undefined) return timeText(value, zone);
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : String(value);
}

function timeText(micros: bigint, zone: string): string {
  const fraction = ((micros % 1_000_000n) + 1_000_000n) % 1_000_000n;
  const seconds = Number((micros - fraction) / 1_000_000n);
  const digits = fraction === 0n ? "" : `.${String(fraction).padStart(6, "0").replace(/0+$/, "")}`;
  return `${new Date(seconds * 1_000).toISOString().slice(0, 19)}${digits}${zone}`;
}

function unreadable(cause: unknown): never {
  throw new RuntimeError("tables.unreadable", "The file is no Parquet file, or not all of one.", {
    status: 422,
    cause,
  });
}

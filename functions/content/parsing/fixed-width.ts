import type { JsonObject, JsonValue } from "../../../shared/json.ts";
import { type Copybook, type Field, readCopybook } from "./copybook.ts";
import { contentFault } from "./faults.ts";
import { type Charset, readField } from "./field-value.ts";
import type { ParseEvents, ParseOptions, Row } from "./parser.ts";

/**
 * Records of fixed length as a COBOL copybook describes them: a column for each field, groups dissolved; what OCCURS is a list. Records
 * follow each other directly (default for EBCDIC), or stand on lines. A field that REDEFINES another is null where the bytes are not its
 * own. Throws `content.copybook_mismatch` with record, field and offset.
 */
export async function* readFixedWidth(
  source: AsyncIterable<Uint8Array>,
  options: ParseOptions,
  events?: ParseEvents,
): AsyncGenerator<Row, void> {
  if (options.copybook === undefined) {
    throw contentFault(
      "copybook_needed",
      "A fixed_width file is read by its copybook: give it as parse_options.copybook.",
    );
  }
  const copybook = readCopybook(options.copybook);
  const charset = options.charset ?? "ascii";
  const columns = columnsOf(copybook);
  events?.onColumns?.(columns.map(({ name }) => name));
  const lines = options.records === undefined ? charset === "ascii" : options.records === "lines";
  let number = 0;
  for await (const record of recordsOf(source, copybook.length, lines)) {
    number += 1;
    if (record.length !== copybook.length) {
      throw mismatch(`Record ${number} has ${record.length} bytes where the copybook has ${copybook.length}.`, {
        record: number,
        bytes: record.length,
        expected_bytes: copybook.length,
      });
    }
    yield rowOf(record, columns, charset, number);
  }
}

interface Column {
  readonly name: string;
  readonly field: Field;
  /** Of a field whose bytes have several meanings: not each of them is a fault. */
  readonly oneOfSeveral: boolean;
}

/** The fields as columns; a name that two of them have is preceded by that of its group. */
function columnsOf(copybook: Copybook): readonly Column[] {
  const found: { readonly path: readonly string[]; readonly field: Field; readonly oneOfSeveral: boolean }[] = [];
  const walk = (fields: readonly Field[], path: readonly string[], within: boolean): void => {
    const redefined = new Set(fields.flatMap(({ redefines }) => redefines?.toUpperCase() ?? []));
    for (const field of fields) {
      const oneOfSeveral = within || field.redefines !== undefined || redefined.has(field.name.toUpperCase());
      const own = [...path, field.name];
      if (field.count === 1 && field.content.kind === "group") walk(field.content.fields, own, oneOfSeveral);
      else if (field.name.toUpperCase() !== "FILLER") found.push({ path: own, field, oneOfSeveral });
    }
  };
  walk(copybook.fields, [], false);
  const counts = Map.groupBy(found, ({ path }) => path.at(-1)?.toUpperCase());
  return found.map(({ path, field, oneOfSeveral }) => {
    const alone = (counts.get(path.at(-1)?.toUpperCase())?.length ?? 0) === 1;
    return { name: alone ? (path.at(-1) ?? "") : path.slice(-2).join("."), field, oneOfSeveral };
  });
}

function rowOf(record: Uint8Array, columns: readonly Column[], charset: Charset, number: number): Row {
  const row: Record<string, JsonValue> = {};
  for (const { name, field, oneOfSeveral } of columns) {
    try {
      row[name] = valueOf(record, field, field.offset, { charset, number });
    } catch (error) {
      if (!oneOfSeveral) throw error;
      row[name] = null;
    }
  }
  return row;
}

interface Place {
  readonly charset: Charset;
  readonly number: number;
}

function valueOf(record: Uint8Array, field: Field, offset: number, place: Place): JsonValue {
  if (field.count === 1) return oneValue(record, field, offset, place);
  return Array.from({ length: field.count }, (_, index) =>
    oneValue(record, field, offset + index * field.length, place),
  );
}

function oneValue(
  record: Uint8Array,
  { name, length, content, offset: base }: Field,
  offset: number,
  place: Place,
): JsonValue {
  if (content.kind === "group") {
    const group: Record<string, JsonValue> = {};
    for (const inner of content.fields) {
      if (inner.name.toUpperCase() === "FILLER") continue;
      group[inner.name] = valueOf(record, inner, offset + inner.offset - base, place);
    }
    return group satisfies JsonObject;
  }
  const reading = readField(record.subarray(offset, offset + length), content, place.charset);
  if (reading.ok) return reading.value;
  throw mismatch(`Record ${place.number}, field ${name} (bytes ${offset + 1} to ${offset + length}) ${reading.why}.`, {
    record: place.number,
    field: name,
    offset,
    length,
  });
}

/** The bytes of each record. What is left over at the end is a record, too short. */
async function* recordsOf(
  source: AsyncIterable<Uint8Array>,
  length: number,
  lines: boolean,
): AsyncGenerator<Uint8Array, void> {
  let open: Uint8Array = new Uint8Array(0);
  for await (const chunk of source) {
    const bytes = open.length === 0 ? chunk : Buffer.concat([open, chunk]);
    let start = 0;
    if (lines) {
      for (let end = bytes.indexOf(0x0a); end !== -1; end = bytes.indexOf(0x0a, start)) {
        const line = withoutCr(bytes.subarray(start, end));
        start = end + 1;
        if (line.length > 0) yield line;
      }
      if (bytes.length - start > 2 * length + 2) {
        yield bytes.subarray(start);
        return;
      }
    } else {
      for (; bytes.length - start >= length; start += length) yield bytes.subarray(start, start + length);
    }
    open = bytes.subarray(start);
  }
  const last = lines ? withoutCr(open) : open;
  if (last.length > 0) yield last;
}

function withoutCr(line: Uint8Array): Uint8Array {
  return line.at(-1) === 0x0d ? line.subarray(0, -1) : line;
}

function mismatch(message: string, place: JsonObject) {
  return contentFault("copybook_mismatch", message, place);
}

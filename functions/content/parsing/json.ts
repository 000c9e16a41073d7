import type { JsonValue } from "../../../shared/json.ts";
import { contentFault, recordTooLarge } from "./faults.ts";
import { JsonCursor } from "./json-cursor.ts";
import { asRow } from "./json-value.ts";
import { MAX_RECORD_CHARS, requireRows } from "./parser.ts";
import type { FileFormat, ParseEvents, ParseOptions, Row } from "./parser.ts";
import { decodeText } from "./text.ts";

/** Of members that are passed over. */
const MAX_TOLD = 20;
const PATH_HINT = "Name the array of the records with record_path.";

/**
 * One JSON document: an array of records; or an object, whose `record_path` names them. Without it an object's only
 * array member holds them, with a note of what else it has, and an object with no array or several is itself the one record.
 */
export const jsonFormat: FileFormat<"json"> = {
  format: "json",
  names: ["json"],
  mimeTypes: ["application/json", "text/json"],
  extensions: ["json"],
  options: ["record_path", "encoding"],
  valuesAreText: false,
  hasColumns: () => true,
  parse: (source, options, events) => requireRows("json", readJson(source, options, events)),
};

async function* readJson(
  source: AsyncIterable<Uint8Array>,
  options: ParseOptions,
  events?: ParseEvents,
): AsyncGenerator<Row, void> {
  const cursor = new JsonCursor(decodeText(source, options.encoding));
  try {
    const first = await cursor.peek();
    if (first === "") return;
    if (options.record_path !== undefined) yield* rowsAt(cursor, options.record_path, pathOf(options.record_path), 0);
    else if (first === "[") yield* rowsOfArray(cursor);
    else if (first === "{") yield* rowsOfObject(cursor, events);
    else throw cursor.fault("a JSON file must hold an array or an object");
    await cursor.end();
  } finally {
    await cursor.close();
  }
}

async function* rowsOfArray(cursor: JsonCursor): AsyncGenerator<Row, void> {
  for await (const _ of cursor.elements()) yield asRow((await cursor.value()).value);
}

/**
 * Which member holds the records is certain only at the object's end. So everything is held back until it is more than
 * one row may be, and from there on the first array must be it: a second one is then an error.
 */
async function* rowsOfObject(cursor: JsonCursor, events?: ParseEvents): AsyncGenerator<Row, void> {
  const members: [string, JsonValue][] = [];
  let records: JsonValue[] | undefined;
  let arrays = 0;
  let heldChars = 0;
  let streaming = false;
  const others: string[] = [];
  for await (const name of cursor.members()) {
    const isArray = (await cursor.peek()) === "[";
    if (isArray) arrays += 1;
    else if (others.length < MAX_TOLD) others.push(name);
    if (isArray && records === undefined) {
      records = [];
      members.push([name, records]);
      for await (const _ of cursor.elements()) {
        const element = await cursor.value();
        if (streaming) {
          yield asRow(element.value);
          continue;
        }
        records.push(element.value);
        heldChars += element.chars;
        streaming = heldChars > MAX_RECORD_CHARS;
        if (streaming) yield* records.splice(0).map(asRow);
      }
    } else if (streaming) {
      if (isArray)
        throw ambiguous(
          members.map(([member]) => member),
          name,
        );
      await cursor.skip();
    } else {
      const member = await cursor.value(PATH_HINT);
      members.push([name, member.value]);
      heldChars += member.chars;
      if (heldChars > MAX_RECORD_CHARS) throw recordTooLarge("json", MAX_RECORD_CHARS, { line: 1 }, PATH_HINT);
    }
  }
  if (!streaming && arrays === 1 && records !== undefined) yield* records.map(asRow);
  else if (!streaming) return void (yield Object.fromEntries(members));
  if (others.length === 0) return;
  events?.onNote?.({
    code: "content.json_passed_over",
    message: `Members beside the array of the records were passed over: ${others.join(", ")}.`,
    details: { members: others },
  });
}

async function* rowsAt(
  cursor: JsonCursor,
  wholePath: string,
  path: readonly string[],
  depth: number,
): AsyncGenerator<Row, void> {
  const next = await cursor.peek();
  const target = path[depth];
  if (target === undefined) {
    if (next === "[") yield* rowsOfArray(cursor);
    else if (next === "{") yield asRow((await cursor.value()).value);
    else throw pathNotFound(wholePath, "it leads to a value that is neither an array nor an object");
    return;
  }
  if (next !== "{") throw pathNotFound(wholePath, `there is no object that could have the member "${target}"`);
  let found = false;
  for await (const name of cursor.members()) {
    if (name !== target) {
      await cursor.skip();
      continue;
    }
    if (found) throw cursor.fault(`the member "${target}" of the record path occurs twice`);
    found = true;
    yield* rowsAt(cursor, wholePath, path, depth + 1);
  }
  if (!found) throw pathNotFound(wholePath, `there is no member "${target}"`);
}

/** The member names of a dotted path, or of a JSON Pointer (RFC 6901), which alone can name a member with a dot. */
function pathOf(recordPath: string): readonly string[] {
  if (!recordPath.startsWith("/")) return recordPath.split(".");
  return recordPath
    .slice(1)
    .split("/")
    .map((part) => part.replaceAll("~1", "/").replaceAll("~0", "~"));
}

function pathNotFound(recordPath: string, why: string) {
  return contentFault("record_path_not_found", `The record path "${recordPath}" leads nowhere: ${why}.`, {
    record_path: recordPath,
  });
}

function ambiguous(before: readonly string[], second: string) {
  return contentFault(
    "record_path_needed",
    `The object has more than one array ("${second}" is the second), so it does not say which holds the records. ${PATH_HINT}`,
    { members: [...before.slice(0, 20), second] },
  );
}

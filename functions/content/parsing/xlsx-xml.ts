import { SaxesParser } from "saxes";

import { RuntimeError } from "../../../shared/errors.ts";
import { malformed, recordTooLarge } from "./faults.ts";
import { MAX_RECORD_CHARS } from "./parser.ts";
import { decodeText } from "./text.ts";
import { Untold } from "./untold.ts";
import type { Archive, OfficeKind } from "./xlsx-archive.ts";

/** Open tags and attributes are what a parser must keep; Office documents need few of both. */
const MAX_XML_DEPTH = 64;
const MAX_XML_ATTRIBUTES = 256;

/** The attributes of a tag by local name, that is without a namespace prefix. */
export type Attributes = ReadonlyMap<string, string>;

/** What a reader of a part wants to know; tags come by local name. */
export interface XmlEvents {
  readonly open: (tag: string, attributes: Attributes) => void;
  readonly close: (tag: string) => void;
  readonly text?: (text: string) => void;
}

/**
 * Parses one XML part as it is inflated and stops after each piece, so that the caller can hand on what it has.
 * A document type is refused, and with it every entity that a file could define.
 */
export async function* readXml(archive: Archive, part: string, events: XmlEvents): AsyncGenerator<void, void> {
  const untold = new Untold();
  const parser = createXmlParser(archive.kind, part, events, untold.told);
  try {
    for await (const text of decodeText(archive.bytes(part))) {
      parser.write(text);
      if (untold.isTooMuchWith(text)) {
        throw recordTooLarge(archive.kind.format, MAX_RECORD_CHARS, { part, line: parser.line });
      }
      yield;
    }
    parser.close();
  } catch (error) {
    if (error instanceof RuntimeError) throw error;
    const place = { part, line: parser.line, column: parser.column };
    throw malformed(archive.kind.format, `The part ${part} is not valid XML near line ${place.line}.`, place, error);
  }
  yield;
}

/** Parses one XML part to its end. */
export async function readWholeXml(archive: Archive, part: string, events: XmlEvents): Promise<void> {
  const reading = readXml(archive, part, events);
  while ((await reading.next()).done !== true);
}

function createXmlParser({ format, noun }: OfficeKind, part: string, events: XmlEvents, told: () => void): SaxesParser {
  const parser = new SaxesParser({ position: true });
  let depth = 0;
  let attributes = 0;
  const refuse = (what: string): never => {
    throw malformed(format, `The part ${part} of the ${noun} ${what}.`, { part, line: parser.line });
  };
  parser.on("doctype", () => refuse("declares a document type"));
  parser.on("opentagstart", () => {
    depth += 1;
    attributes = 0;
    if (depth > MAX_XML_DEPTH) refuse(`nests tags more than ${MAX_XML_DEPTH} deep`);
  });
  parser.on("attribute", () => {
    attributes += 1;
    if (attributes > MAX_XML_ATTRIBUTES) refuse(`has a tag with more than ${MAX_XML_ATTRIBUTES} attributes`);
  });
  parser.on("comment", told);
  parser.on("processinginstruction", told);
  parser.on("opentag", (tag) => {
    told();
    const byName = new Map<string, string>();
    for (const [name, value] of Object.entries(tag.attributes)) byName.set(localName(name), String(value));
    events.open(localName(tag.name), byName);
  });
  parser.on("closetag", (tag) => {
    told();
    depth -= 1;
    events.close(localName(tag.name));
  });
  const text = (piece: string): void => {
    told();
    events.text?.(piece);
  };
  parser.on("text", text);
  parser.on("cdata", text);
  return parser;
}

function localName(name: string): string {
  return name.slice(name.indexOf(":") + 1);
}

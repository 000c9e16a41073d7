import type { JsonValue } from "../../../shared/json.ts";
import { excerpt, malformed, recordTooLarge } from "./faults.ts";
import { MAX_RECORD_CHARS, type ParseEvents, type ParseOptions, type Row } from "./parser.ts";
import { decodeText } from "./text.ts";
import { X12Envelope } from "./x12-envelope.ts";

/** The length of the interchange header, which is fixed, and says by its own bytes what separates what. */
const ISA_CHARS = 106;

export interface Separators {
  readonly element: string;
  readonly component: string;
  readonly segment: string;
}

const COLUMNS = [
  "interchange_control",
  "group_control",
  "functional_id",
  "transaction_control",
  "transaction_set",
  "position",
  "segment",
  "elements",
] as const;

/**
 * EDI by ASC X12: a row for each segment, with the interchange, group and transaction that it stands in; an element of several
 * components is a list. Every envelope must close as it was opened: counts and control numbers are checked.
 */
export async function* readX12(
  source: AsyncIterable<Uint8Array>,
  options: ParseOptions,
  events?: ParseEvents,
): AsyncGenerator<Row, void> {
  events?.onColumns?.(COLUMNS);
  const envelope = new X12Envelope();
  for await (const { number, text, separators } of segmentsOf(decodeText(source, options.encoding))) {
    const [id = "", ...elements] = text.split(separators.element);
    if (!/^[A-Z][A-Z0-9]{1,2}$/.test(id)) {
      throw malformed("x12", `Segment ${number} begins with ${excerpt(id)}, which is no name of a segment.`, {
        segment_number: number,
      });
    }
    const place = envelope.enter({ number, id, elements });
    // The header of the interchange names the separator of components by standing alone.
    const split = id !== "ISA";
    const values: JsonValue[] = elements.map((element) =>
      split && element.includes(separators.component) ? element.split(separators.component) : element,
    );
    yield { ...place, segment: id, elements: values };
  }
  envelope.end();
}

interface Segment {
  /** From 1, over the whole file. */
  readonly number: number;
  readonly text: string;
  readonly separators: Separators;
}

async function* segmentsOf(pieces: AsyncIterable<string>): AsyncGenerator<Segment, void> {
  let open = "";
  let number = 0;
  let separators: Separators | undefined;
  for await (const piece of pieces) {
    open += piece;
    for (;;) {
      // Each interchange may have separators of its own.
      const trimmed = open.trimStart();
      if (trimmed.startsWith("ISA")) {
        if (trimmed.length < ISA_CHARS) break;
        separators = separatorsOf(trimmed, number + 1);
      } else if (separators === undefined) {
        if (trimmed.length < 3) break;
        throw malformed("x12", `The file begins with ${excerpt(trimmed.slice(0, 10))} and not with an ISA segment.`, {
          segment_number: 1,
        });
      }
      const end = open.indexOf(separators.segment);
      if (end === -1) break;
      number += 1;
      // What stands between segments, and no blank that is an element's.
      const text = withoutBreaks(open.slice(0, end).trimStart());
      open = open.slice(end + separators.segment.length);
      if (text !== "") yield { number, text, separators };
      else number -= 1;
    }
    if (open.length > MAX_RECORD_CHARS) throw recordTooLarge("x12", MAX_RECORD_CHARS, { segment_number: number + 1 });
  }
  if (open.trim() === "") return;
  throw malformed("x12", `Segment ${number + 1} does not end: the file is cut off.`, { segment_number: number + 1 });
}

function withoutBreaks(text: string): string {
  let end = text.length;
  while (end > 0 && "\r\n".includes(text.charAt(end - 1))) end -= 1;
  return text.slice(0, end);
}

function separatorsOf(header: string, number: number): Separators {
  const [element = "", component = "", segment = ""] = [header[3], header[104], header[105]];
  const fields = header.slice(0, 105).split(element);
  if (fields.length !== 17 || /[A-Za-z0-9 ]/.test(element) || /[A-Za-z0-9 ]/.test(segment)) {
    throw malformed(
      "x12",
      `The ISA segment (segment ${number}) does not have its sixteen elements in ${ISA_CHARS} characters.`,
      {
        segment_number: number,
        segment: "ISA",
      },
    );
  }
  return { element, component, segment };
}

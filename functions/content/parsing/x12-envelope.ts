import type { JsonObject } from "../../../shared/json.ts";
import { contentFault, malformed } from "./faults.ts";

interface X12Segment {
  readonly number: number;
  readonly id: string;
  readonly elements: readonly string[];
}

interface Opened {
  readonly control: string;
  readonly segment: number;
  /** What it holds: groups, transactions, or segments. */
  count: number;
}

/** Follows the envelopes of X12: ISA … IEA around GS … GE around ST … SE. Each end tells how much there was, and whose end it is. */
export class X12Envelope {
  #interchange: Opened | undefined;
  #group: (Opened & { readonly functionalId: string }) | undefined;
  #transaction: (Opened & { readonly set: string }) | undefined;

  /** Where the segment stands. Throws `content.x12_malformed`, `content.x12_bad_count` or `content.x12_control_mismatch`. */
  enter(segment: X12Segment): JsonObject {
    const { number, id, elements } = segment;
    if (this.#transaction !== undefined) this.#transaction.count += 1;
    switch (id) {
      case "ISA":
        this.#expectClosed(segment, this.#interchange, "ISA");
        this.#interchange = { control: (elements[12] ?? "").trim(), segment: number, count: 0 };
        break;
      case "GS":
        if (this.#interchange === undefined) throw misplaced(segment, "outside an interchange");
        this.#expectClosed(segment, this.#group, "GS");
        this.#interchange.count += 1;
        this.#group = { control: elements[5] ?? "", functionalId: elements[0] ?? "", segment: number, count: 0 };
        break;
      case "ST":
        if (this.#group === undefined) throw misplaced(segment, "outside a functional group");
        this.#expectClosed(segment, this.#transaction, "ST");
        this.#group.count += 1;
        this.#transaction = { control: elements[1] ?? "", set: elements[0] ?? "", segment: number, count: 1 };
        break;
      default:
        if (this.#interchange === undefined) throw misplaced(segment, "outside an interchange");
        if (this.#transaction === undefined && !["TA1", "SE", "GE", "IEA"].includes(id)) {
          throw misplaced(segment, "outside a transaction set");
        }
    }
    const place = this.#place();
    if (id === "SE") this.#transaction = closed(segment, this.#transaction, "ST", "segments");
    if (id === "GE") {
      this.#expectClosed(segment, this.#transaction, "ST");
      this.#group = closed(segment, this.#group, "GS", "transaction sets");
    }
    if (id === "IEA") {
      this.#expectClosed(segment, this.#group, "GS");
      this.#interchange = closed(segment, this.#interchange, "ISA", "functional groups");
    }
    return place;
  }

  /** Throws when the file ends within an envelope. */
  end(): void {
    const open = this.#transaction ?? this.#group ?? this.#interchange;
    if (open === undefined) return;
    const id = this.#transaction !== undefined ? "ST" : this.#group !== undefined ? "GS" : "ISA";
    throw malformed("x12", `The ${id} of segment ${open.segment} is never closed: the file is cut off.`, {
      segment_number: open.segment,
      segment: id,
    });
  }

  #place(): JsonObject {
    return {
      interchange_control: this.#interchange?.control ?? null,
      group_control: this.#group?.control ?? null,
      functional_id: this.#group?.functionalId ?? null,
      transaction_control: this.#transaction?.control ?? null,
      transaction_set: this.#transaction?.set ?? null,
      position: this.#transaction?.count ?? null,
    };
  }

  #expectClosed(segment: X12Segment, open: Opened | undefined, id: string): void {
    if (open === undefined) return;
    throw misplaced(segment, `before the ${id} of segment ${open.segment} is closed`);
  }
}

function closed(segment: X12Segment, open: Opened | undefined, opener: string, what: string): undefined {
  const { number, id, elements } = segment;
  if (open === undefined) throw misplaced(segment, `without an ${opener} that it closes`);
  const [told = "", control = ""] = elements;
  const place = { segment_number: number, segment: id, opened_at_segment: open.segment };
  if (Number(told) !== open.count || !/^\d+$/.test(told)) {
    throw contentFault(
      "x12_bad_count",
      `${id} (segment ${number}) tells of ${told === "" ? "no" : told} ${what}; there are ${open.count}.`,
      { ...place, told, found: open.count },
    );
  }
  if (control.trim() !== open.control) {
    throw contentFault(
      "x12_control_mismatch",
      `${id} (segment ${number}) has the control number ${control}; its ${opener} (segment ${open.segment}) has ${open.control}.`,
      { ...place, told: control, expected: open.control },
    );
  }
  return undefined;
}

function misplaced({ number, id }: X12Segment, where: string) {
  return malformed("x12", `${id} (segment ${number}) stands ${where}.`, { segment_number: number, segment: id });
}

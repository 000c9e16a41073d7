import type { QueryAnswer } from "../../../shared/ports/table-engine.ts";

/** What the parent asks of a query process. */
export interface QueryOrder {
  readonly sql: string;
  readonly tables: readonly { readonly name: string; readonly file: string; readonly format: "parquet" | "jsonl" }[];
  readonly maxRows: number;
  readonly maxBytes: number;
}

/** What a query process says: that it is there, then one answer for each order. */
export type QueryReply =
  | { readonly kind: "ready" }
  | { readonly kind: "answer"; readonly answer: QueryAnswer }
  | {
      readonly kind: "refused";
      readonly refusal: "sql_invalid" | "not_a_select" | "forbidden" | "too_much_memory" | "unavailable";
      readonly message: string;
    };

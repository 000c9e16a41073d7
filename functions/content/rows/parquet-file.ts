import { ByteWriter, ParquetWriter } from "hyparquet-writer";

import type { JsonValue } from "../../../shared/json.ts";
import type { Row } from "../parsing/parser.ts";
import type { ColumnKind } from "./column-kind.ts";
import { parquetColumn, type ParquetValue } from "./parquet-column.ts";

/** What a row group may hold: it is what writing one, or reading one back, costs in memory. */
const GROUP_ROWS = 20_000;
const GROUP_CELLS = 200_000;
const GROUP_CHARS = 8 * 1024 * 1024;

/** A Parquet file as it comes to be, a piece for each row group; the last piece says where everything is. */
export class ParquetFile {
  readonly #names: readonly string[];
  readonly #encoders: readonly ((value: JsonValue) => ParquetValue)[];
  readonly #bytes = new ByteWriter(1024 * 1024);
  readonly #writer: ParquetWriter;
  readonly #maxRows: number;
  #columns: ParquetValue[][];
  #rows = 0;
  #chars = 0;

  constructor(kinds: ReadonlyMap<string, ColumnKind>, fromText: boolean) {
    const columns = Array.from(kinds, ([name, kind]) => parquetColumn(name, kind, fromText));
    this.#names = [...kinds.keys()];
    this.#encoders = columns.map(({ encode }) => encode);
    const schema = [{ name: "row", num_children: columns.length }, ...columns.map(({ element }) => element)];
    this.#writer = new ParquetWriter({ writer: this.#bytes, schema, createdBy: "symphainy" });
    this.#maxRows = Math.max(1, Math.min(GROUP_ROWS, Math.floor(GROUP_CELLS / columns.length)));
    this.#columns = columns.map(() => []);
  }

  /** Takes a row in; gives the bytes of a row group when that is full. */
  add(row: Row): Uint8Array | undefined {
    for (let index = 0; index < this.#names.length; index += 1) {
      const name = this.#names[index] ?? "";
      // Every object inherits some names, such as toString.
      const value = name in Object.prototype && !Object.hasOwn(row, name) ? undefined : row[name];
      const encoded = value === undefined ? undefined : this.#encoders[index]?.(value);
      if (typeof encoded === "string") this.#chars += encoded.length;
      this.#columns[index]?.push(encoded);
    }
    this.#rows += 1;
    return this.#rows >= this.#maxRows || this.#chars >= GROUP_CHARS ? this.#flush() : undefined;
  }

  /** The rows that are left, and the end of the file. */
  end(): Uint8Array {
    const last = this.#rows === 0 ? new Uint8Array(0) : this.#flush();
    void this.#writer.finish();
    return Buffer.concat([last, this.#take()]);
  }

  #flush(): Uint8Array {
    const columnData = this.#columns.map((data, index) => ({ name: this.#names[index] ?? "", data }));
    void this.#writer.write({ columnData, rowGroupSize: this.#rows });
    this.#columns = this.#names.map(() => []);
    this.#rows = 0;
    this.#chars = 0;
    return this.#take();
  }

  #take(): Uint8Array {
    const bytes = Buffer.from(this.#bytes.getBytes());
    this.#bytes.index = 0;
    return bytes;
  }
}

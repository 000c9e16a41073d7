import { once } from "node:events";
import { createWriteStream, type WriteStream } from "node:fs";
import { crc32, createDeflateRaw } from "node:zlib";

import { workbookMembers } from "../unit/content/workbook-fixture.ts";

const ROWS_AT_ONCE = 1_000;
const DISTINCT_TEXTS = 200_000;

/**
 * Writes a workbook of about so many bytes, packed, without holding it: rows of an id, a shared string, five numbers of full length and a
 * date, with 200,000 distinct strings. Resolves to its rows.
 */
export async function writeLargeWorkbook(file: string, bytes: number): Promise<number> {
  const strings = Array.from(
    { length: DISTINCT_TEXTS },
    (_, n) => `<t>customer ${n} of ${digitsOf(n).slice(2, 10)}</t>`,
  );
  const members = workbookMembers({ sheets: { Orders: "" }, strings, formats: [14] });
  const sheet = members.find(({ name }) => name.startsWith("xl/worksheets/"));
  const [head = "", tail = ""] = String(sheet?.data).split("<sheetData></sheetData>");
  const zip = new ZipStream(file);
  for (const { name, data } of members.filter((each) => each !== sheet)) await zip.add(name, [String(data)]);
  let rows = 0;
  function* xml(): Generator<string> {
    yield `${head}<sheetData>`;
    yield rowXml([text("id"), text("customer"), ...[1, 2, 3, 4, 5].map((n) => text(`amount ${n}`)), text("day")]);
    while (zip.bytes < bytes) {
      const some: string[] = [];
      for (const end = rows + ROWS_AT_ONCE; rows < end; rows += 1) {
        const numbers = [1, 2, 3, 4, 5].map((n) => `<c><v>${digitsOf(rows * 5 + n)}</v></c>`);
        const name = `<c t="s"><v>${(rows * 7_919) % DISTINCT_TEXTS}</v></c>`;
        some.push(
          rowXml([`<c><v>${rows}</v></c>`, name, ...numbers, `<c s="1"><v>${40_000 + (rows % 5_000)}</v></c>`]),
        );
      }
      yield some.join("");
    }
    yield `</sheetData>${tail}`;
  }
  await zip.add(sheet?.name ?? "", xml());
  await zip.end();
  return rows;
}

const text = (value: string): string => `<c t="inlineStr"><is><t>${value}</t></is></c>`;
const rowXml = (cells: readonly string[]): string => `<row>${cells.join("")}</row>`;

/** Digits that do not pack: the same for the same number. */
function digitsOf(n: number): string {
  return String(Math.abs(Math.sin(n + 1)) * 10_000);
}

/** A zip file that is written as it comes; sizes stand behind each member (APPNOTE.TXT, 4.3.9). */
class ZipStream {
  readonly #out: WriteStream;
  readonly #directory: Buffer[] = [];
  bytes = 0;

  constructor(file: string) {
    this.#out = createWriteStream(file);
  }

  async add(name: string, xml: Iterable<string>): Promise<void> {
    const offset = this.bytes;
    const common = Buffer.alloc(26);
    common.writeUInt16LE(20, 0);
    common.writeUInt16LE(8, 2);
    common.writeUInt16LE(8, 4);
    common.writeUInt16LE(Buffer.byteLength(name), 22);
    await this.#write(Buffer.concat([signature(0x04034b50), common, Buffer.from(name)]));
    const start = this.bytes;
    const deflate = createDeflateRaw();
    const packed = (async () => {
      for await (const chunk of deflate as AsyncIterable<Buffer>) await this.#write(chunk);
    })();
    let [crc, inflated] = [0, 0];
    for (const part of xml) {
      const chunk = Buffer.from(part);
      crc = crc32(chunk, crc);
      inflated += chunk.length;
      if (!deflate.write(chunk)) await once(deflate, "drain");
    }
    deflate.end();
    await packed;
    const sizes = Buffer.alloc(12);
    sizes.writeUInt32LE(crc, 0);
    sizes.writeUInt32LE(this.bytes - start, 4);
    sizes.writeUInt32LE(inflated, 8);
    sizes.copy(common, 10);
    await this.#write(Buffer.concat([signature(0x08074b50), sizes]));
    const tail = Buffer.alloc(14);
    tail.writeUInt32LE(offset, 10);
    this.#directory.push(Buffer.concat([signature(0x02014b50), Buffer.from([20, 0]), common, tail, Buffer.from(name)]));
  }

  async end(): Promise<void> {
    const central = Buffer.concat(this.#directory);
    const end = Buffer.alloc(18);
    end.writeUInt16LE(this.#directory.length, 4);
    end.writeUInt16LE(this.#directory.length, 6);
    end.writeUInt32LE(central.length, 8);
    end.writeUInt32LE(this.bytes, 12);
    await this.#write(Buffer.concat([central, signature(0x06054b50), end]));
    this.#out.end();
    await once(this.#out, "close");
  }

  async #write(chunk: Buffer): Promise<void> {
    this.bytes += chunk.length;
    if (!this.#out.write(chunk)) await once(this.#out, "drain");
  }
}

function signature(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

import { crc32 } from "node:zlib";

import { fromBufferPromise } from "yauzl";
import type { Entry, ZipFile } from "yauzl";

import { RuntimeError } from "../../../shared/errors.ts";
import { contentFault, malformed } from "./faults.ts";

/** What a workbook may cost, enforced on the bytes themselves and never on what the file says about itself. */
export interface XlsxLimits {
  readonly fileBytes: number;
  readonly entries: number;
  /** All the bytes that are inflated while one workbook is read. */
  readonly inflatedBytes: number;
  /** Inflated to compressed size of one part, judged from `ratioFromBytes` on: tiny parts compress well honestly. */
  readonly ratio: number;
  readonly ratioFromBytes: number;
  /** The characters of the shared strings, which stay in memory, each counted with CELL_CHARS. */
  readonly sharedChars: number;
  /** The characters of all rows given out, each cell counted with CELL_CHARS: few bytes can stand for many long cells. */
  readonly outputChars: number;
}

/** What a cell or string costs besides its characters, about. */
export const CELL_CHARS = 32;

export const DEFAULT_XLSX_LIMITS: XlsxLimits = {
  fileBytes: 64 * 1024 * 1024,
  entries: 2_000,
  inflatedBytes: 512 * 1024 * 1024,
  ratio: 100,
  ratioFromBytes: 16 * 1024 * 1024,
  sharedChars: 64 * 1024 * 1024,
  outputChars: 2 * 1024 * 1024 * 1024,
};

/** What a workbook of so many bytes may take: itself, and its shared strings, of which a character may take two bytes. */
export function workbookBytes(fileBytes: number, { ratio, ratioFromBytes, sharedChars }: XlsxLimits): number {
  return fileBytes + Math.min(2 * sharedChars, Math.max(ratioFromBytes, ratio * fileBytes));
}

/** What an Office document is called in codes and in messages. */
export interface OfficeKind {
  readonly format: "xlsx" | "docx";
  readonly noun: string;
}
const WORKBOOK: OfficeKind = { format: "xlsx", noun: "workbook" };

/** The parts of an Office document; names count without regard to case, as Open Packaging Conventions say. */
export interface Archive {
  readonly kind: OfficeKind;
  has(part: string): boolean;
  /** The inflated bytes of a part, as a stream that holds nothing back and ends with a checksum. */
  bytes(part: string): AsyncGenerator<Uint8Array, void>;
}

/** Reads the directory of the zip file that a document is; throws `content.xlsx_malformed`, `_encrypted` or `_too_large`, or docx_. */
export async function openArchive(
  source: AsyncIterable<Uint8Array>,
  limits: XlsxLimits,
  kind: OfficeKind = WORKBOOK,
): Promise<Archive> {
  const file = await collect(source, limits.fileBytes, kind);
  refuseOtherKinds(file, kind);
  const { zip, entries } = await readDirectory(file, limits.entries, kind);
  let inflatedTotal = 0;
  return {
    kind,
    has: (part) => entries.has(part.toLowerCase()),
    async *bytes(part) {
      const entry = entries.get(part.toLowerCase());
      if (entry === undefined) throw malformed(kind.format, `The ${kind.noun} has no part ${part}.`, { part });
      if (entry.isEncrypted()) throw encrypted(kind);
      let inflated = 0;
      let checksum = 0;
      const stream = await zipErrors(kind, part, zip.openReadStreamPromise(entry));
      try {
        for await (const chunk of stream as AsyncIterable<Uint8Array>) {
          inflated += chunk.length;
          inflatedTotal += chunk.length;
          if (inflatedTotal > limits.inflatedBytes) {
            throw tooLarge(
              `unpacks to more than ${limits.inflatedBytes} bytes`,
              "max_inflated_bytes",
              limits.inflatedBytes,
              kind,
            );
          }
          if (inflated > limits.ratioFromBytes && inflated > entry.compressedSize * limits.ratio) {
            throw tooLarge(
              `unpacks to more than ${limits.ratio} times its size in ${part}`,
              "max_ratio",
              limits.ratio,
              kind,
            );
          }
          checksum = crc32(chunk, checksum);
          yield chunk;
        }
      } catch (error) {
        throw error instanceof RuntimeError ? error : corrupt(kind, part, error);
      } finally {
        stream.destroy();
      }
      if (checksum !== entry.crc32) throw corrupt(kind, part);
    },
  };
}

/** The error of a workbook that costs more than it may. */
export function tooLarge(what: string, limit: string, value: number, kind: OfficeKind = WORKBOOK): RuntimeError {
  return contentFault(`${kind.format}_too_large`, `The ${kind.noun} ${what}.`, { [limit]: value });
}

/** A zip directory is at the end of its file, so the packed file has to be held whole; what is in it never is. */
async function collect(source: AsyncIterable<Uint8Array>, maxBytes: number, kind: OfficeKind): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of source) {
    length += chunk.length;
    if (length > maxBytes) throw tooLarge(`is longer than ${maxBytes} bytes`, "max_file_bytes", maxBytes, kind);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, length);
}

function refuseOtherKinds(file: Buffer, kind: OfficeKind): void {
  const { format, noun } = kind;
  if (file.length === 0) throw contentFault("empty_file", `The ${format} file is empty.`, { format });
  // Office wraps encrypted documents in the container of its old formats.
  if (file.subarray(0, 8).toString("hex") === "d0cf11e0a1b11ae1") {
    if (file.includes(Buffer.from("EncryptedPackage", "utf16le"))) throw encrypted(kind);
    const old = format.slice(0, -1);
    throw malformed(format, `The file is an old .${old} ${noun}, not .${format}. Save it as .${format}.`);
  }
  if (file[0] !== 0x50 || file[1] !== 0x4b)
    throw malformed(format, `The file is not an Office ${noun}: it is no zip file.`);
}

async function readDirectory(
  file: Buffer,
  maxEntries: number,
  kind: OfficeKind,
): Promise<{ readonly zip: ZipFile; readonly entries: ReadonlyMap<string, Entry> }> {
  try {
    const zip = await fromBufferPromise(file, { lazyEntries: true });
    const entries = new Map<string, Entry>();
    let count = 0;
    for await (const entry of zip.eachEntry()) {
      count += 1;
      if (count > maxEntries) throw tooLarge(`has more than ${maxEntries} parts`, "max_entries", maxEntries, kind);
      const name = entry.fileName.toLowerCase();
      if (entries.has(name)) {
        throw malformed(kind.format, `The ${kind.noun} has the part ${entry.fileName} twice.`, {
          part: entry.fileName,
        });
      }
      entries.set(name, entry);
    }
    return { zip, entries };
  } catch (error) {
    throw error instanceof RuntimeError
      ? error
      : malformed(kind.format, "The file is a damaged or incomplete zip file.", {}, error);
  }
}

async function zipErrors<T>(kind: OfficeKind, part: string, opening: Promise<T>): Promise<T> {
  try {
    return await opening;
  } catch (error) {
    throw corrupt(kind, part, error);
  }
}

function corrupt(kind: OfficeKind, part: string, cause?: unknown): RuntimeError {
  return malformed(kind.format, `The part ${part} of the ${kind.noun} is damaged.`, { part }, cause);
}

function encrypted({ format, noun }: OfficeKind): RuntimeError {
  return contentFault(`${format}_encrypted`, `The ${noun} is protected by a password. Save it without one.`);
}

import { getDocumentProxy } from "unpdf";

import { RuntimeError } from "../../../shared/errors.ts";
import { BlockCount } from "./document-block.ts";
import { contentFault, malformed } from "./faults.ts";
import type { ParseEvents, Row } from "./parser.ts";
import { blocksOfPage, type PlacedText } from "./pdf-layout.ts";

/** The directory of a PDF is at its end, so it is held whole. */
const MAX_FILE_BYTES = 64 * 1024 * 1024;
const MAX_PAGES = 20_000;

/** PDF (by PDF.js): the text of each page as blocks, in the order in which it stands on the page; lines that stand in columns are rows of a table. */
export async function* readPdf(source: AsyncIterable<Uint8Array>, events?: ParseEvents): AsyncGenerator<Row, void> {
  const document = await open(await collect(source));
  try {
    if (document.numPages > MAX_PAGES) {
      throw contentFault("pdf_too_large", `The PDF has more than ${MAX_PAGES} pages.`, { max_pages: MAX_PAGES });
    }
    const blocks = new BlockCount();
    const empty: number[] = [];
    let tables = 0;
    for (let number = 1; number <= document.numPages; number += 1) {
      const items = await textOf(document, number);
      const page = blocksOfPage(items, number, tables);
      tables = page.tables;
      if (page.blocks.length === 0) empty.push(number);
      for (const block of page.blocks) {
        const row = blocks.row(block);
        if (row !== undefined) yield row;
      }
    }
    if (empty.length === document.numPages) {
      throw contentFault(
        "pdf_without_text",
        "The PDF has no text: its pages are pictures. Send one with recognized text.",
        {
          pages: document.numPages,
        },
      );
    }
    if (empty.length > 0) {
      const pages = empty.slice(0, 100);
      const message = `Pages without text were passed over: ${pages.join(", ")}.`;
      events?.onNote?.({ code: "content.pdf_pages_without_text", message, details: { pages } });
    }
  } finally {
    await document.loadingTask.destroy();
  }
}

type PdfDocument = Awaited<ReturnType<typeof getDocumentProxy>>;

async function textOf(document: PdfDocument, number: number): Promise<readonly PlacedText[]> {
  try {
    const page = await document.getPage(number);
    const { items } = await page.getTextContent();
    page.cleanup();
    return items.flatMap((item) => {
      if (!("str" in item)) return [];
      const transform = item.transform as readonly number[];
      const [, , , , x = 0, y = 0] = transform;
      return [{ text: item.str, x, y, width: item.width, height: Math.abs(transform[3] ?? 0) || item.height }];
    });
  } catch (error) {
    throw malformed("pdf", `Page ${number} of the PDF cannot be read.`, { page: number }, error);
  }
}

async function collect(source: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of source) {
    length += chunk.length;
    if (length > MAX_FILE_BYTES) {
      throw contentFault("pdf_too_large", `The PDF is longer than ${MAX_FILE_BYTES} bytes.`, {
        max_file_bytes: MAX_FILE_BYTES,
      });
    }
    chunks.push(chunk);
  }
  if (length === 0) throw contentFault("empty_file", "The pdf file is empty.", { format: "pdf" });
  // PDF.js wants a plain array of its own: it gives it to its worker.
  return new Uint8Array(Buffer.concat(chunks, length));
}

async function open(bytes: Uint8Array): Promise<PdfDocument> {
  try {
    return await getDocumentProxy(bytes, { useSystemFonts: false, verbosity: 0 });
  } catch (error) {
    if (error instanceof RuntimeError) throw error;
    if (error instanceof Error && error.name === "PasswordException") {
      throw contentFault("pdf_encrypted", "The PDF is protected by a password. Save it without one.", {}, error);
    }
    throw malformed("pdf", "The file is no PDF, or not all of one.", {}, error);
  }
}

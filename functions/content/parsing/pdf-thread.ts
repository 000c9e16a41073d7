import { parentPort, workerData } from "node:worker_threads";

import type { getDocumentProxy } from "unpdf";

import type { Block } from "./document-block.ts";
import type { PlacedText } from "./pdf-layout.ts";

/**
 * The thread in which a PDF is read: PDF.js works without a pause, for as long and with as much memory as a hostile file likes, and
 * whoever started the thread can end it. It answers one `"next"` after the other.
 */

const MAX_PAGES = 20_000;
/** More than any page that is read by people has. */
const MAX_PIECES_OF_PAGE = 200_000;
const MAX_CHARS_OF_PAGE = 8 * 1024 * 1024;

/** What the thread says: a page for each `"next"`, then that there are no more, or why it stops. */
export type PdfReply =
  | { readonly kind: "page"; readonly number: number; readonly blocks: readonly Block[] }
  | { readonly kind: "end"; readonly pages: number }
  | { readonly kind: "refused"; readonly fault: "malformed" | "encrypted" | "too_large"; readonly message: string };

/** For the thread to import; in a bundle that is the chunk with this module. */
export const moduleUrl: string = import.meta.url;

/** Reads the PDF in `workerData`, page by page, as it is asked. */
export async function servePages(): Promise<void> {
  const port = parentPort;
  if (port === null) return;
  const replies = readPages(new Uint8Array(workerData as ArrayBuffer));
  port.on("message", () => {
    void replies.next().then(({ value }) => port.postMessage(value satisfies PdfReply | void));
  });
}

type PdfDocument = Awaited<ReturnType<typeof getDocumentProxy>>;

async function* readPages(bytes: Uint8Array): AsyncGenerator<PdfReply, void> {
  const [{ getDocumentProxy: open }, { blocksOfPage }] = await Promise.all([
    import("unpdf"),
    import("./pdf-layout.ts"),
  ]);
  let document: PdfDocument;
  try {
    document = await open(bytes, { useSystemFonts: false, verbosity: 0 });
  } catch (error) {
    const isLocked = error instanceof Error && error.name === "PasswordException";
    yield isLocked
      ? { kind: "refused", fault: "encrypted", message: "The PDF is protected by a password. Save it without one." }
      : { kind: "refused", fault: "malformed", message: "The file is no PDF, or not all of one." };
    return;
  }
  if (document.numPages > MAX_PAGES) {
    yield { kind: "refused", fault: "too_large", message: `The PDF has more than ${MAX_PAGES} pages.` };
    return;
  }
  let tables = 0;
  for (let number = 1; number <= document.numPages; number += 1) {
    const items = await textOf(document, number).catch(() => undefined);
    if (items === undefined) {
      yield { kind: "refused", fault: "malformed", message: `Page ${number} of the PDF cannot be read.` };
      return;
    }
    if (items === "too_much") {
      yield { kind: "refused", fault: "too_large", message: `Page ${number} of the PDF has more text than any page.` };
      return;
    }
    const page = blocksOfPage(items, number, tables);
    tables = page.tables;
    yield { kind: "page", number, blocks: page.blocks };
  }
  yield { kind: "end", pages: document.numPages };
}

async function textOf(document: PdfDocument, number: number): Promise<readonly PlacedText[] | "too_much"> {
  const page = await document.getPage(number);
  const reader = page.streamTextContent().getReader();
  const items: PlacedText[] = [];
  let chars = 0;
  for (let read = await reader.read(); !read.done; read = await reader.read()) {
    for (const item of (read.value as Awaited<ReturnType<typeof page.getTextContent>>).items) {
      if (!("str" in item)) continue;
      const transform = item.transform as readonly number[];
      const [, , , , x = 0, y = 0] = transform;
      items.push({ text: item.str, x, y, width: item.width, height: Math.abs(transform[3] ?? 0) || item.height });
      chars += item.str.length;
    }
    if (items.length > MAX_PIECES_OF_PAGE || chars > MAX_CHARS_OF_PAGE) return "too_much";
  }
  page.cleanup();
  return items;
}

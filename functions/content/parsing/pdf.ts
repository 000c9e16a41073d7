import { once } from "node:events";
import { Worker } from "node:worker_threads";

import type { RuntimeError } from "../../../shared/errors.ts";
import { BlockCount } from "./document-block.ts";
import { contentFault, malformed } from "./faults.ts";
import type { ParseEvents, ParseOptions, Row } from "./parser.ts";
import type { PdfReply } from "./pdf-thread.ts";
import { readingPlaces } from "./reading-places.ts";

/** The directory of a PDF is at its end, so it is held whole. */
const MAX_FILE_BYTES = 64 * 1024 * 1024;
/** What PDF.js may hold besides: streams that are unpacked, and objects. */
const MAX_UNPACKED_BYTES = 96 * 1024 * 1024;
const MAX_HEAP_MB = 96;
/** What one takes of the places besides its file. Hardly one takes all that it may: two at a time, so that a slow one leaves a place. */
const TAKEN_BYTES = 112 * 1024 * 1024;
const LOOK_EVERY_MS = 50;
/** Four minutes: less than the step has, so that the file is told of and not tried again. */
const MAX_LOOKS = (4 * 60_000) / LOOK_EVERY_MS;

/**
 * PDF (by PDF.js): the text of each page as blocks, in the order in which it stands on the page; lines that stand in columns are rows of
 * a table. It is read in a thread of its own, which ends with the reading, and is ended when it takes too much time or memory.
 */
export async function* readPdf(
  source: AsyncIterable<Uint8Array>,
  _options: ParseOptions,
  events?: ParseEvents,
): AsyncGenerator<Row, void> {
  // Before the file is fetched, which is held whole.
  const { tenantId = "", sizeBytes = MAX_FILE_BYTES, signal } = events ?? {};
  using _place = await readingPlaces.enter(tenantId, sizeBytes + TAKEN_BYTES, signal);
  const bytes = await collect(source);
  await using thread = await PdfThread.start(bytes, events?.signal);
  const blocks = new BlockCount();
  const empty: number[] = [];
  for (;;) {
    const reply = await thread.next();
    if (reply.kind === "refused") throw faultOf(reply);
    if (reply.kind === "end") {
      tellOfEmptyPages(empty, reply.pages, events);
      return;
    }
    if (reply.blocks.length === 0) empty.push(reply.number);
    for (const block of reply.blocks) {
      const row = blocks.row(block);
      if (row !== undefined) yield row;
    }
  }
}

class PdfThread {
  readonly #worker: Worker;
  readonly #signal: AbortSignal | undefined;
  readonly #fileBytes: number;
  #looks = 0;

  static async start(bytes: ArrayBuffer, signal: AbortSignal | undefined): Promise<PdfThread> {
    const { moduleUrl, servePages } = await import("./pdf-thread.ts");
    const code = `import(${JSON.stringify(moduleUrl)}).then((thread) => thread.${servePages.name}())`;
    return new PdfThread(code, bytes, signal);
  }

  private constructor(code: string, bytes: ArrayBuffer, signal: AbortSignal | undefined) {
    this.#fileBytes = bytes.byteLength;
    this.#signal = signal;
    this.#worker = new Worker(code, {
      eval: true,
      workerData: bytes,
      transferList: [bytes],
      env: {},
      resourceLimits: { maxOldGenerationSizeMb: MAX_HEAP_MB },
    });
  }

  /** The next page. Throws `content.pdf_too_large` (422) when it takes more time or memory than it may, and the signal's reason. */
  async next(): Promise<PdfReply> {
    const heard = new AbortController();
    try {
      const reply = once(this.#worker, "message", { signal: heard.signal });
      this.#worker.postMessage("next", []);
      const [said] = (await Promise.race([reply, this.#watch(heard.signal)])) as [PdfReply];
      return said;
    } catch (error) {
      throw isOutOfMemory(error) ? tooLarge() : error;
    } finally {
      heard.abort();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#worker.terminate();
  }

  /** Throws as soon as there is a reason not to wait for the thread any longer. */
  async #watch(heard: AbortSignal): Promise<never> {
    while (!heard.aborted) {
      await pause();
      this.#signal?.throwIfAborted();
      this.#looks += 1;
      if (this.#looks > MAX_LOOKS) throw tooLarge();
      // Told while it works, by an interrupt.
      const used = await this.#worker.getHeapStatistics().catch(() => undefined);
      if ((used?.external_memory ?? 0) > this.#fileBytes + MAX_UNPACKED_BYTES) throw tooLarge();
    }
    throw heard.reason;
  }
}

/** The steps of an execution have no clock of their own but this one, which nobody notifies. */
async function pause(): Promise<void> {
  await Atomics.waitAsync(new Int32Array(new SharedArrayBuffer(4)), 0, 0, LOOK_EVERY_MS).value;
}

function isOutOfMemory(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "ERR_WORKER_OUT_OF_MEMORY";
}

function faultOf({ fault, message }: Extract<PdfReply, { readonly kind: "refused" }>): RuntimeError {
  switch (fault) {
    case "encrypted":
      return contentFault("pdf_encrypted", message);
    case "too_large":
      return contentFault("pdf_too_large", message);
    case "malformed":
      return malformed("pdf", message);
  }
}

function tooLarge(): RuntimeError {
  return contentFault(
    "pdf_too_large",
    `The PDF takes more than four minutes, ${MAX_UNPACKED_BYTES} bytes for what it packs, or ${MAX_HEAP_MB} MB for its objects.`,
    { max_unpacked_bytes: MAX_UNPACKED_BYTES },
  );
}

function tellOfEmptyPages(empty: readonly number[], pages: number, events: ParseEvents | undefined): void {
  if (empty.length === pages) {
    const message = "The PDF has no text: its pages are pictures. Send one with recognized text.";
    throw contentFault("pdf_without_text", message, { pages });
  }
  if (empty.length === 0) return;
  const told = empty.slice(0, 100);
  const message = `Pages without text were passed over: ${told.join(", ")}.`;
  events?.onNote?.({ code: "content.pdf_pages_without_text", message, details: { pages: told } });
}

/** The bytes, to be given away. */
async function collect(source: AsyncIterable<Uint8Array>): Promise<ArrayBuffer> {
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
  return new Uint8Array(Buffer.concat(chunks, length)).buffer;
}

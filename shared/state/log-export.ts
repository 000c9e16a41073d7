import * as z from "zod";

import { type Clock, parseRfc3339, rfc3339 } from "../clock.ts";
import { durationMs } from "../duration.ts";
import { RuntimeError } from "../errors.ts";
import type { TenantId } from "../ids.ts";
import { type ExecutionStore, NO_CHANGE } from "../ports/execution-store.ts";
import type { ObjectStore, WrittenObject } from "../ports/object-store.ts";
import { everyPage } from "../ports/paging.ts";
import { readEntry } from "./log-entry.ts";
import type { RecordKind } from "./record-kind.ts";
import type { StateSurface } from "./state-surface.ts";
import { UnitOfWork } from "./unit-of-work.ts";

const DAY_MS = durationMs("1d");
/** How long after its end a day is exported: what runs longer before it commits is added when the day is exported again. */
const SETTLING_MS = durationMs("1h");
const PAGE = 500;

/** One day of a tenant's log as it was exported last, by its date (UTC). */
const exportedDaySchema = z.object({
  date: z.string(),
  path: z.string(),
  sha256: z.string(),
  size_bytes: z.int(),
  entries: z.int(),
  exported_at: z.string(),
  /** Entries of it were dropped since: the object is all that there is, and it is never exported again. */
  sealed: z.boolean(),
});
export type ExportedDay = Readonly<z.infer<typeof exportedDaySchema>>;

const exportedDayKind: RecordKind<ExportedDay> = { name: "log_export", schema: exportedDaySchema, facets: () => [] };

/** How far the export of a tenant has come. */
const progressSchema = z.object({ next_date: z.string() });
type Progress = Readonly<z.infer<typeof progressSchema>>;
const progressKind: RecordKind<Progress> = { name: "log_export_progress", schema: progressSchema, facets: () => [] };
const PROGRESS_ID = "log";

/**
 * Copies a tenant's log to its part of the object store, a day a file: `wal/<tenant>/<date>/<sha256>.jsonl`, each line the exact
 * text of an entry, so that its hash and chain can be verified from the file alone.
 *  X1  A day is on record only after its object is whole; one that was cut short is written again, which for the same bytes is
 *      writing them once.
 *  X2  A day is streamed: neither its entries nor its file are ever held in memory.
 *  X3  A sealed day is never written again: the store no longer has all of it.
 */
export interface LogExport {
  /** Exports the days that are over and were not exported yet, the oldest first; returns them. */
  run(tenantId: TenantId): Promise<readonly ExportedDay[]>;
  /** Exports one day again, with what has come to it since, and seals it. Throws `log_export.day_not_over` (409). */
  seal(tenantId: TenantId, date: string): Promise<ExportedDay>;
  exported(tenantId: TenantId, date: string): Promise<ExportedDay | undefined>;
}

export interface LogExportDeps {
  readonly store: ExecutionStore;
  readonly surface: StateSurface;
  readonly objects: ObjectStore;
  readonly clock: Clock;
}

export function createLogExport({ store, surface, objects, clock }: LogExportDeps): LogExport {
  const write = async (tenantId: TenantId, change: (unit: UnitOfWork) => Promise<void>): Promise<void> => {
    const unit = new UnitOfWork(surface, tenantId, clock.now());
    await change(unit);
    const { outcome } = await store.write(tenantId, { ...NO_CHANGE, records: unit.records });
    if (outcome === "conflict") {
      throw new RuntimeError("log_export.contended", "Somebody else exports this log; try again.", {
        status: 409,
        retryable: true,
      });
    }
  };

  const exportDay = async (tenantId: TenantId, date: string, sealed: boolean): Promise<ExportedDay> => {
    const before = await surface.get(tenantId, exportedDayKind, date);
    if (before?.value.sealed === true) return before.value;
    const fromMs = beginOf(date);
    if (clock.now() < fromMs + DAY_MS + SETTLING_MS) {
      throw new RuntimeError("log_export.day_not_over", `${date} is not over yet.`, { status: 409, retryable: true });
    }
    const counted = { entries: 0 };
    const lines = linesOf(store, tenantId, { fromMs, toMs: fromMs + DAY_MS }, counted);
    const directory = `wal/${encodeURIComponent(tenantId)}/${date}`;
    const written: WrittenObject = await objects.write(
      { directory, extension: "jsonl", contentType: "application/jsonl" },
      lines,
    );
    const day: ExportedDay = {
      date,
      path: written.path,
      sha256: written.sha256,
      size_bytes: written.sizeBytes,
      entries: counted.entries,
      exported_at: rfc3339(clock.now()),
      sealed,
    };
    await write(tenantId, async (unit) => {
      const now = await unit.get(exportedDayKind, date);
      if (now?.sealed !== true) unit.put(exportedDayKind, date, day);
    });
    return day;
  };

  /** The first day that has an entry and was not exported; undefined when the log has none. */
  const nextDate = async (tenantId: TenantId): Promise<string | undefined> => {
    const progress = await surface.get(tenantId, progressKind, PROGRESS_ID);
    const fromMs = progress === undefined ? undefined : beginOf(progress.value.next_date);
    const { items } = await store.readLog(tenantId, { order: "chronological", fromMs }, { limit: 1 });
    const [first] = items;
    return first === undefined ? undefined : dateOf(first);
  };

  return {
    run: async (tenantId) => {
      const days: ExportedDay[] = [];
      for (;;) {
        const date = await nextDate(tenantId);
        if (date === undefined || clock.now() < beginOf(date) + DAY_MS + SETTLING_MS) return days;
        days.push(await exportDay(tenantId, date, false));
        const next = rfc3339(beginOf(date) + DAY_MS).slice(0, 10);
        await write(tenantId, async (unit) => {
          await unit.get(progressKind, PROGRESS_ID);
          unit.put(progressKind, PROGRESS_ID, { next_date: next });
        });
      }
    },
    seal: (tenantId, date) => exportDay(tenantId, date, true),
    exported: async (tenantId, date) => (await surface.get(tenantId, exportedDayKind, date))?.value,
  };
}

/** When a day begins, in epoch milliseconds. */
function beginOf(date: string): number {
  return parseRfc3339(`${date}T00:00:00.000Z`);
}

/** The day, UTC, that an entry's text tells. Throws `log.unreadable`. */
export function dateOf(text: string): string {
  const entry = readEntry(text);
  if (entry === undefined) {
    throw new RuntimeError("log.unreadable", "An entry of the log does not have the shape of one.");
  }
  return entry.timestamp.slice(0, 10);
}

async function* linesOf(
  store: ExecutionStore,
  tenantId: TenantId,
  range: { readonly fromMs: number; readonly toMs: number },
  counted: { entries: number },
): AsyncIterable<Uint8Array> {
  const filter = { ...range, order: "chronological" } as const;
  for await (const texts of everyPage((cursor) => store.readLog(tenantId, filter, { limit: PAGE, cursor }))) {
    counted.entries += texts.length;
    if (texts.length > 0) yield Buffer.from(`${texts.join("\n")}\n`);
  }
}

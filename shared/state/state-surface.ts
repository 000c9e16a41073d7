import { RuntimeError } from "../errors.ts";
import type { TenantId } from "../ids.ts";
import type { JsonObject } from "../json.ts";
import type { ExecutionStore, StoredRecord } from "../ports/execution-store.ts";
import type { Page, PageRequest } from "../ports/paging.ts";
import type { RecordKind } from "./record-kind.ts";

export interface Versioned<Value> {
  readonly value: Value;
  /** 1, 2, 3 …: what a compare-and-set compares. */
  readonly version: number;
  readonly usableUntilMs: number | undefined;
}

/** Typed reads of a tenant's facts and references. Writes go through a UnitOfWork, beside the log entries that belong to them. */
export interface StateSurface {
  /** The record, or undefined when this tenant has none; an unreachable store rejects. */
  get<Value extends JsonObject>(
    tenantId: TenantId,
    kind: RecordKind<Value>,
    id: string,
  ): Promise<Versioned<Value> | undefined>;
  /** Newest first, with the exact total. */
  list<Value extends JsonObject>(
    tenantId: TenantId,
    kind: RecordKind<Value>,
    facet: string,
    page: PageRequest,
  ): Promise<Page<Versioned<Value>> & { readonly total: number }>;
}

export function createStateSurface(store: ExecutionStore): StateSurface {
  return {
    get: async (tenantId, kind, id) => {
      const record = await store.readRecord(tenantId, kind.name, id);
      return record === undefined ? undefined : versioned(kind, record);
    },
    list: async (tenantId, kind, facet, page) => {
      const found = await store.listRecords(tenantId, kind.name, facet, page);
      return { ...found, items: found.items.map((record) => versioned(kind, record)) };
    },
  };
}

function versioned<Value extends JsonObject>(kind: RecordKind<Value>, record: StoredRecord): Versioned<Value> {
  const parsed = kind.schema.safeParse(record.body);
  if (!parsed.success) {
    throw new RuntimeError(
      "state.record_unreadable",
      `The ${kind.name} ${record.id} does not have the shape of its kind.`,
      {
        cause: parsed.error,
      },
    );
  }
  return { value: parsed.data, version: record.version, usableUntilMs: record.usableUntilMs };
}

import type { TenantId } from "../ids.ts";
import type { JsonObject } from "../json.ts";
import type { RecordWrite } from "../ports/execution-store.ts";
import { firstVersionAt } from "../ports/record-version.ts";
import type { Page, PageRequest } from "../ports/paging.ts";
import type { LogDraft } from "./log-entry.ts";
import { ALL, type RecordKind } from "./record-kind.ts";
import type { StateSurface, Versioned } from "./state-surface.ts";

/**
 * Collects what one commit will change: records (compared with the version that was read) and the log entries that tell of it.
 * Nothing is written until the owner of the unit commits it; what was put reads back at once.
 */
export class UnitOfWork {
  readonly tenantId: TenantId;
  readonly drafts: LogDraft[] = [];
  readonly #surface: StateSurface;
  readonly #nowMs: number;
  readonly #writes = new Map<string, RecordWrite>();
  readonly #seen = new Map<string, number>();
  readonly #base: UnitOfWork | undefined;

  /** `base` holds what is to be committed together with this unit, and was put before. */
  constructor(surface: StateSurface, tenantId: TenantId, nowMs: number, base?: UnitOfWork) {
    this.#surface = surface;
    this.tenantId = tenantId;
    this.#nowMs = nowMs;
    this.#base = base;
  }

  /** The record as this unit leaves it; a version read here is what `put` compares with. */
  async get<Value extends JsonObject>(kind: RecordKind<Value>, id: string): Promise<Value | undefined> {
    const key = keyOf(kind, id);
    const pending = this.#pending(key);
    if (pending !== undefined) return pending.body === undefined ? undefined : kind.schema.parse(pending.body);
    const found: Versioned<Value> | undefined = await this.#surface.get(this.tenantId, kind, id);
    this.#seen.set(key, found?.version ?? 0);
    return found?.value;
  }

  /** A listing as it is committed: what this unit has put is not in it. */
  async list<Value extends JsonObject>(
    kind: RecordKind<Value>,
    facet: string,
    page: PageRequest,
  ): Promise<Page<Versioned<Value>>> {
    return this.#surface.list(this.tenantId, kind, facet, page);
  }

  /** Creates the record, or replaces the one that this unit read: a record changed since then makes the commit conflict. */
  put<Value extends JsonObject>(kind: RecordKind<Value>, id: string, value: Value): void {
    this.#write(kind, id, value, [ALL, ...kind.facets(value)], kind.usableUntilMs?.(value));
  }

  /** Creates the record; one that is there, read or not, makes the commit conflict. */
  create<Value extends JsonObject>(kind: RecordKind<Value>, id: string, value: Value): void {
    this.#seen.delete(keyOf(kind, id));
    this.put(kind, id, value);
  }

  /** Deletes the record that this unit read, from every tier of the store. */
  delete<Value extends JsonObject>(kind: RecordKind<Value>, id: string): void {
    this.#write(kind, id, undefined, [], undefined);
  }

  log(draft: LogDraft): void {
    this.drafts.push(draft);
  }

  /** How many records it changes. */
  get size(): number {
    return this.#writes.size;
  }

  get records(): readonly RecordWrite[] {
    return [...this.#writes.values()];
  }

  /** Takes over the records of a unit that was built on this one. */
  absorb(unit: UnitOfWork): void {
    for (const [key, write] of unit.#writes) this.#writes.set(key, write);
  }

  #pending(key: string): RecordWrite | undefined {
    const own = this.#writes.get(key);
    return own === undefined && this.#base !== undefined ? this.#base.#pending(key) : own;
  }

  #write(
    kind: { readonly name: string },
    id: string,
    body: JsonObject | undefined,
    facets: readonly string[],
    usableUntilMs: number | undefined,
  ): void {
    const key = keyOf(kind, id);
    const expectedVersion = this.#pending(key)?.expectedVersion ?? this.#seen.get(key) ?? 0;
    const firstVersion = firstVersionAt(this.#nowMs);
    const place = { kind: kind.name, id, facets, sortMs: this.#nowMs };
    this.#writes.set(key, { ...place, expectedVersion, firstVersion, body, usableUntilMs });
  }
}

function keyOf(kind: { readonly name: string }, id: string): string {
  return `${kind.name}/${id}`;
}

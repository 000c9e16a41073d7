/** What ArangoDB answers for what it cannot do: an HTTP status and its own number. */
export class ArangoFault extends Error {
  readonly status: number;
  readonly errorNum: number;
  constructor(status: number, errorNum: number, message: string) {
    super(message);
    this.status = status;
    this.errorNum = errorNum;
  }
}

export interface StandinDocument {
  readonly _key: string;
  readonly _id: string;
  readonly _rev: string;
  readonly [field: string]: unknown;
}
/** A state of a document and when it came to be; without a document it is its removal. */
interface Version {
  readonly at: number;
  readonly document: StandinDocument | undefined;
}
export interface StandinCollection {
  readonly name: string;
  readonly isEdge: boolean;
  readonly versions: Map<string, Version[]>;
  readonly indexes: { readonly id: string; readonly name: string; readonly fields: readonly string[] }[];
}

const KEY = /^[\w\-.@()+,=;$!*'%:]{1,254}$/;
const VERTEX = /^[A-Za-z][\w-]*\/[^/]+$/;
/** As the server's: a stream transaction that nobody speaks to is aborted. */
const IDLE_MS = 60_000;

/** A view of the data as it was when it was opened, and what it changed; nobody else may change the same until it ends. */
export interface View {
  readonly id: string;
  readonly openedAt: number;
  readonly changes: Map<StandinCollection, Map<string, StandinDocument | undefined>>;
  usedAtMs: number;
}

/** Collections with snapshot isolation: the first of two writers of a document wins, the other one hears 1200. */
export class StandinData {
  readonly collections = new Map<string, StandinCollection>();
  readonly #views = new Map<string, View>();
  #commits = 0;
  #serial = 0;

  create(name: string, isEdge: boolean): StandinCollection {
    if (this.collections.has(name)) throw new ArangoFault(409, 1207, "duplicate name");
    const collection = { name, isEdge, versions: new Map(), indexes: [] };
    this.collections.set(name, collection);
    return collection;
  }

  collection(name: string): StandinCollection {
    const found = this.collections.get(name);
    if (found === undefined) throw new ArangoFault(404, 1203, `collection or view not found: ${name}`);
    return found;
  }

  begin(): View {
    const view = { id: String((this.#serial += 1)), openedAt: this.#commits, changes: new Map(), usedAtMs: Date.now() };
    this.#views.set(view.id, view);
    return view;
  }

  view(id: string): View {
    for (const [other, { usedAtMs }] of this.#views) if (Date.now() - usedAtMs > IDLE_MS) this.#views.delete(other);
    const view = this.#views.get(id);
    if (view === undefined) throw new ArangoFault(404, 1655, `transaction '${id}' not found`);
    view.usedAtMs = Date.now();
    return view;
  }

  end(view: View, commit: boolean): void {
    this.#views.delete(view.id);
    if (!commit || view.changes.size === 0) return;
    this.#commits += 1;
    const oldest = Math.min(this.#commits, ...[...this.#views.values()].map(({ openedAt }) => openedAt));
    for (const [{ versions }, changed] of view.changes) {
      for (const [key, document] of changed) {
        const kept = versions.get(key) ?? [];
        const needed = kept.filter((_, index) => (kept[index + 1]?.at ?? Infinity) > oldest);
        versions.set(key, [...needed, { at: this.#commits, document }]);
      }
    }
  }

  get(view: View, collection: StandinCollection, key: string): StandinDocument | undefined {
    const changed = view.changes.get(collection);
    if (changed?.has(key) === true) return changed.get(key);
    return collection.versions.get(key)?.findLast(({ at }) => at <= view.openedAt)?.document;
  }

  /** Every document of a collection, by key. */
  all(view: View, collection: StandinCollection): readonly StandinDocument[] {
    const keys = new Set([...collection.versions.keys(), ...(view.changes.get(collection)?.keys() ?? [])]);
    return [...keys].toSorted().flatMap((key) => this.get(view, collection, key) ?? []);
  }

  insert(view: View, collection: StandinCollection, body: Readonly<Record<string, unknown>>, overwrite: boolean) {
    const key = body["_key"];
    if (typeof key !== "string" || !KEY.test(key)) throw new ArangoFault(400, 1221, "illegal document key");
    this.#claim(view, collection, key);
    if (!overwrite && this.get(view, collection, key) !== undefined) {
      throw new ArangoFault(409, 1210, `unique constraint violated - in index primary; conflicting key: ${key}`);
    }
    return this.put(view, collection, key, body);
  }

  put(view: View, collection: StandinCollection, key: string, body: Readonly<Record<string, unknown>>) {
    this.#claim(view, collection, key);
    if (collection.isEdge && ![body["_from"], body["_to"]].every((end) => VERTEX.test(String(end)))) {
      throw new ArangoFault(400, 1233, "edge attribute missing or invalid");
    }
    const own = { _key: key, _id: `${collection.name}/${key}`, _rev: `_${(this.#serial += 1).toString(36)}` };
    const document: StandinDocument = { ...body, ...own };
    this.#change(view, collection, key, document);
    return own;
  }

  remove(view: View, collection: StandinCollection, key: string) {
    this.#claim(view, collection, key);
    const before = this.get(view, collection, key);
    if (before === undefined) throw new ArangoFault(404, 1202, "document not found");
    this.#change(view, collection, key, undefined);
    return { _key: key, _id: before._id, _rev: before._rev };
  }

  #change(view: View, collection: StandinCollection, key: string, document: StandinDocument | undefined): void {
    const changed = view.changes.get(collection) ?? new Map<string, StandinDocument | undefined>();
    view.changes.set(collection, changed.set(key, document));
  }

  #claim(view: View, collection: StandinCollection, key: string): void {
    const rival = [...this.#views.values()].some(
      (other) => other !== view && other.changes.get(collection)?.has(key) === true,
    );
    const newer = (collection.versions.get(key)?.at(-1)?.at ?? 0) > view.openedAt;
    if (rival || newer) throw new ArangoFault(409, 1200, "write-write conflict");
  }
}

import { rfc3339 } from "../clock.ts";
import type { DataClassification } from "../data-classification.ts";
import { RuntimeError } from "../errors.ts";
import { type JsonObject, toJson } from "../json.ts";
import type { Page, PageRequest } from "../ports/paging.ts";
import type { RowWrite } from "../ports/record-store.ts";
import type { RecordRow } from "../ports/record-tables.ts";
import {
  type AccessRequest,
  type BackingStore,
  type BoundaryContract,
  checkMove,
  CONTRACT_LIFETIME_MS,
  type ContractScope,
  type ContractStatus,
  covers,
  hasExpired,
  type MaterializationType,
} from "./boundary-contract.ts";
import type { RecordScope } from "./record-scope.ts";

const TABLE = "data_boundary_contracts";
const WHAT = "boundary contract";
/** More active contracts of one source than there are users and solutions in one tenant. */
const MANY = 500;
const EXPIRED_AT_ONCE = 200;

export interface Authorization {
  readonly materializationType: MaterializationType;
  readonly backingStore: BackingStore;
  readonly lifetimeMs?: number;
}

/** What was promised of data when it was let in; see boundary-contract.ts. */
export class Contracts {
  readonly #scope: RecordScope;

  constructor(scope: RecordScope) {
    this.#scope = scope;
  }

  get(kind: DataClassification, id: string): Promise<BoundaryContract> {
    return this.#scope.get(kind, TABLE, id, WHAT);
  }

  list(kind: DataClassification, page: PageRequest, status?: ContractStatus): Promise<Page<BoundaryContract>> {
    return this.#scope.list(kind, TABLE, { ...page, ...(status === undefined ? {} : { where: { status } }) });
  }

  /** Asks for the use of a source: the active contract that covers it already, or a new one that is `pending`. */
  async requestDataAccess(request: AccessRequest): Promise<{ contract_id: string; status: string; reused: boolean }> {
    const { dataClassification, source, scope } = request;
    if (source.sha256 === undefined && source.externalId === undefined) {
      throw new RuntimeError("boundary_contract.no_source", "A source is named by its sha256 or its external id.", {
        status: 422,
      });
    }
    const id = `contract_${this.#scope.uuidOf("contract")}`;
    const active = await this.#activeFor(request, id);
    if (active !== undefined) return { contract_id: active.id, status: active.status, reused: true };
    const row = {
      id,
      status: "pending",
      source_sha256: source.sha256 ?? null,
      source_external_id: source.externalId ?? null,
      source_artifact_id: source.artifactId ?? null,
      materialization_type: null,
      backing_store: null,
      scope: toJson(scope),
      expires_at: null,
    };
    const result = { contract_id: id, status: "pending", reused: false };
    return this.#scope.apply(dataClassification, "contract", [{ kind: "insert", table: TABLE, row }], result);
  }

  /**
   * Lets the contract's source be materialized, for 30 days. One that is active already stays as it is; where another is active for
   * the same source and scope, that one serves, and the one that was asked for is fulfilled by it.
   * Throws `boundary_contract.not_found` (404) and `.life_cycle` (409).
   */
  async authorizeMaterialization(
    kind: DataClassification,
    id: string,
    { materializationType, backingStore, lifetimeMs = CONTRACT_LIFETIME_MS }: Authorization,
  ): Promise<{ contract_id: string; expires_at: string }> {
    const nowMs = this.#scope.nowMs();
    const contract = await this.get(kind, id);
    if (contract.status === "active" && !hasExpired(contract, nowMs)) {
      return { contract_id: id, expires_at: contract.expires_at ?? "" };
    }
    checkMove(contract, "active");
    const source = {
      sha256: contract.source_sha256 ?? undefined,
      externalId: contract.source_external_id ?? undefined,
    };
    const request = { dataClassification: kind, source, scope: contract.scope as unknown as ContractScope };
    const other = await this.#sameSource(request, id);
    if (other !== undefined && !hasExpired(other, nowMs)) {
      const result = { contract_id: other.id, expires_at: other.expires_at ?? "" };
      return this.#scope.apply(kind, "authorization", [move(contract, { status: "fulfilled" })], result);
    }
    const expiresAt = rfc3339(nowMs + lifetimeMs);
    const writes: readonly RowWrite[] = [
      ...(other === undefined ? [] : [move(other, { status: "expired" })]),
      move(contract, {
        status: "active",
        materialization_type: materializationType,
        backing_store: backingStore,
        expires_at: expiresAt,
      }),
    ];
    return this.#scope.apply(kind, "authorization", writes, { contract_id: id, expires_at: expiresAt });
  }

  /** Ends a contract: what it was for is done, or it is taken back. Throws `boundary_contract.life_cycle` (409). */
  async end(kind: DataClassification, id: string, to: "fulfilled" | "revoked"): Promise<{ status: string }> {
    const contract = await this.get(kind, id);
    if (contract.status === to) return { status: to };
    checkMove(contract, to);
    return this.#scope.apply(kind, "end", [move(contract, { status: to })], { status: to });
  }

  /** Marks those whose time is over as expired, at most 200 in one step; `more` says that there are others. */
  async expire(kind: DataClassification): Promise<{ expired: number; more: boolean }> {
    const due = await this.#scope.list(kind, TABLE, {
      limit: EXPIRED_AT_ONCE,
      where: { status: "active" },
      notAfter: { column: "expires_at", atMs: this.#scope.nowMs() },
    });
    const result = { expired: due.items.length, more: due.nextCursor !== undefined };
    if (due.items.length === 0) return result;
    return this.#scope.apply(
      kind,
      "expiry",
      due.items.map((each) => move(each, { status: "expired" })),
      result,
    );
  }

  /** Keeps a fact for good, whatever becomes of its source: the contract under which it was found is fulfilled by it. */
  async promoteToRecordOfFact(
    kind: DataClassification,
    id: string,
    fact: { readonly type: string; readonly body: JsonObject; readonly by: string | undefined },
  ): Promise<{ record_id: string }> {
    const contract = await this.get(kind, id);
    const recordId = `fact_${this.#scope.uuidOf("fact")}`;
    if (contract.status !== "fulfilled") {
      if (contract.status !== "active" || hasExpired(contract, this.#scope.nowMs())) checkMove(contract, "expired");
      checkMove(contract, "fulfilled");
    }
    const row = {
      id: recordId,
      contract_id: id,
      source_sha256: contract.source_sha256,
      source_external_id: contract.source_external_id,
      fact_type: fact.type,
      fact: toJson(fact.body),
      promoted_by: fact.by ?? null,
      promoted_at: rfc3339(this.#scope.nowMs()),
    };
    const writes: readonly RowWrite[] = [
      { kind: "insert", table: "records_of_fact", row },
      ...(contract.status === "fulfilled" ? [] : [move(contract, { status: "fulfilled" })]),
    ];
    return this.#scope.apply(kind, "fact", writes, { record_id: recordId });
  }

  facts(kind: DataClassification, page: PageRequest): Promise<Page<RecordRow<"records_of_fact">>> {
    return this.#scope.list(kind, "records_of_fact", page);
  }

  /** Whether a contract that still holds lets these bytes be used by anybody of the tenant. */
  async isInForce(kind: DataClassification, sha256: string): Promise<boolean> {
    const where = { status: "active", source_sha256: sha256 };
    const { items } = await this.#scope.list(kind, TABLE, { limit: MANY, where });
    return items.some((contract) => !hasExpired(contract, this.#scope.nowMs()));
  }

  /** An active contract, unless this very step has asked for one of its own in an earlier attempt. */
  async #activeFor(request: AccessRequest, ownId: string): Promise<BoundaryContract | undefined> {
    const active = await this.#sameSource(request, ownId);
    if (active === undefined || hasExpired(active, this.#scope.nowMs())) return undefined;
    const { items } = await this.#scope.list(request.dataClassification, TABLE, { limit: 1, where: { id: ownId } });
    return items.length === 0 ? active : undefined;
  }

  async #sameSource({ dataClassification, source, scope }: AccessRequest, except: string) {
    const where = {
      status: "active",
      ...(source.sha256 === undefined ? {} : { source_sha256: source.sha256 }),
      ...(source.externalId === undefined ? {} : { source_external_id: source.externalId }),
    };
    const { items } = await this.#scope.list(dataClassification, TABLE, { limit: MANY, where });
    return items.find((each) => each.id !== except && covers(each, scope));
  }
}

function move(
  contract: BoundaryContract,
  set: Extract<RowWrite, { kind: "update"; table: typeof TABLE }>["set"],
): RowWrite {
  return { kind: "update", table: TABLE, id: contract.id, expectedVersion: contract.version, set };
}

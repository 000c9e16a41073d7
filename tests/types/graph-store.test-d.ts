import type { DataOwner } from "../../shared/data-classification.ts";
import { trustedTenantId } from "../../shared/ids.ts";
import type { GraphStore, GraphWrite } from "../../shared/ports/graph-store.ts";
import type { SemanticScope } from "../../shared/semantic/semantic-scope.ts";

/** Never run: that this file compiles, with each expected error, is the test. */
export async function noQueryWithoutAClass(graph: GraphStore, semantic: SemanticScope): Promise<void> {
  const tenantId = trustedTenantId("acme");
  const owner: DataOwner = { dataClassification: "client", tenantId };
  const write: GraphWrite = { kind: "put", collection: "content_metadata", key: "k", fields: {} };
  const page = { limit: 1 };

  await graph.get(owner, "content_metadata", "k");
  await graph.get({ dataClassification: "platform" }, "content_metadata", "k");

  // @ts-expect-error -- a tenant alone says nothing of the class
  await graph.get({ tenantId }, "content_metadata", "k");
  // @ts-expect-error -- a client's data is some tenant's
  await graph.get({ dataClassification: "client" }, "content_metadata", "k");
  // @ts-expect-error -- a plain string is no proof of a tenant
  await graph.get({ dataClassification: "client", tenantId: "acme" }, "content_metadata", "k");
  // @ts-expect-error -- there are two classes
  await graph.get({ dataClassification: "internal", tenantId }, "content_metadata", "k");
  // @ts-expect-error -- what is written has a class
  await graph.write({ tenantId }, { key: "e/s", part: "all" }, [write]);
  // @ts-expect-error -- and a tenant, if only as attribution
  await graph.write({ dataClassification: "platform" }, { key: "e/s", part: "all" }, [write]);
  // @ts-expect-error -- no listing by a field that is not indexed
  await graph.list(owner, "content_metadata", { field: "title", value: "x" }, page);
  // @ts-expect-error -- an edge collection has no documents to put
  const wrong: GraphWrite = { ...write, collection: "lineage" };
  // @ts-expect-error -- a search names its class
  await semantic.search({ text: "x", limit: 1 });
  // @ts-expect-error -- a handler cannot name another tenant
  await semantic.search({ text: "x", limit: 1, dataClassification: "client", tenantId });
  void wrong;
}

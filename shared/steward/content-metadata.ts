import * as z from "zod";

import type { DataClassification } from "../data-classification.ts";
import { notFound, RuntimeError } from "../errors.ts";
import { jsonObject, sha256, toJson } from "../json.ts";
import { afterKey, type Direction, type GraphDocument, type Vertex } from "../ports/graph-store.ts";
import type { Page, PageRequest } from "../ports/paging.ts";
import type { GraphScope } from "./graph-scope.ts";

const COLLECTION = "content_metadata";
const WHAT = "content metadata";
/** How many documents are looked at in one round trip, and by one search: whoever finds little among many goes on from the cursor. */
const LOOKED_AT = 200;
const MOST_ROUNDS = 25;

/** What is said of content; `deleted_by` is the step that took it away, of what is left of it. */
const storedSchema = z.object({
  file_id: z.string(),
  title: z.string().optional(),
  description: z.string().optional(),
  tags: z.array(z.string()).default([]),
  attributes: jsonObject.default({}),
  deleted_by: z.string().optional(),
});
type Stored = z.infer<typeof storedSchema>;
export type ContentDescription = Omit<Stored, "deleted_by">;

/** What is absent stays as it is. */
export type ContentChange = {
  readonly [Field in Exclude<keyof ContentDescription, "file_id">]?: ContentDescription[Field] | undefined;
};

export interface ContentMetadata extends ContentDescription {
  readonly content_id: string;
}

export interface ContentRelationship {
  readonly from: string;
  readonly to: string;
  readonly relation: string;
}

/**
 * What people and programs say of files, parsed and semantic data, by the id of what is described. A deletion can be undone, so what
 * was said stays with the document until its file is forgotten.
 */
export class ContentCatalog {
  readonly #scope: GraphScope;

  constructor(scope: GraphScope) {
    this.#scope = scope;
  }

  /** Throws `content_metadata.exists` (409) and `classification.platform_only` (403). */
  async create(kind: DataClassification, contentId: string, said: ContentDescription): Promise<{ content_id: string }> {
    const { graph } = this.#scope;
    const fields = toJson(said);
    const found = await graph.get(this.#scope.of(kind), COLLECTION, contentId);
    // What is left of a deletion is written over. Of what is there, only the write itself knows whether an attempt before this did it.
    const deleted = found !== undefined && read(found).deleted_by !== undefined;
    const expected = deleted ? { revision: found.revision } : "absent";
    try {
      await this.#scope.write(kind, "create", [
        { kind: "put", collection: COLLECTION, key: contentId, fields, expected },
      ]);
    } catch (error) {
      if (!(error instanceof RuntimeError) || error.code !== "record.contended") throw error;
      throw new RuntimeError("content_metadata.exists", `${contentId} is described already.`, {
        status: 409,
        details: { content_id: contentId },
      });
    }
    return { content_id: contentId };
  }

  /** Throws `content_metadata.not_found` (404). */
  async get(kind: DataClassification, contentId: string): Promise<ContentMetadata> {
    const { said } = await this.#find(kind, contentId);
    return { content_id: contentId, ...said };
  }

  /** Replaces what is named, and leaves the rest. Throws `content_metadata.not_found` (404) and `record.contended` (409). */
  async update(kind: DataClassification, contentId: string, changed: ContentChange): Promise<{ content_id: string }> {
    const { said, revision } = await this.#find(kind, contentId);
    const fields = { ...toJson(said), ...toJson(changed) };
    const expected = { revision };
    await this.#scope.write(kind, "update", [
      { kind: "put", collection: COLLECTION, key: contentId, fields, expected },
    ]);
    return { content_id: contentId };
  }

  /** Throws `content_metadata.not_found` (404) and `record.contended` (409). */
  async delete(kind: DataClassification, contentId: string): Promise<{ content_id: string }> {
    const { key } = this.#scope;
    const { said, revision } = await this.#find(kind, contentId, key);
    const fields = { file_id: said.file_id, deleted_by: key };
    const expected = { revision };
    await this.#scope.write(kind, "delete", [
      { kind: "put", collection: COLLECTION, key: contentId, fields, expected },
    ]);
    return { content_id: contentId };
  }

  /** Says how one described thing is related to another; once, however often. Throws `content_metadata.not_found` (404). */
  async relate(kind: DataClassification, { from, to, relation }: ContentRelationship): Promise<{ content_id: string }> {
    const [source] = await Promise.all([this.#find(kind, from), this.#find(kind, to)]);
    await this.#scope.write(kind, "relate", [
      {
        kind: "link",
        collection: "lineage",
        // Any two ids and a relation, in the length that a key may have.
        key: `relation.${sha256(JSON.stringify([from, to, relation]))}`,
        from: vertexOf(from),
        to: vertexOf(to),
        fields: { relation, file_id: source.said.file_id },
      },
    ]);
    return { content_id: from };
  }

  /** What is said to be related to a thing, and what it came from: `in`, `out` or `both`. */
  async relationships(
    kind: DataClassification,
    contentId: string,
    direction: Direction,
    page: PageRequest,
  ): Promise<Page<ContentRelationship>> {
    const vertex = vertexOf(contentId);
    const { items, ...rest } = await this.#scope.graph.edges(this.#scope.of(kind), "lineage", vertex, direction, page);
    const relationship = ({ from, to, fields }: GraphDocument): ContentRelationship => ({
      from: from?.key ?? "",
      to: to?.key ?? "",
      relation: typeof fields["relation"] === "string" ? fields["relation"] : "",
    });
    return { ...rest, items: items.map(relationship) };
  }

  /**
   * Those of a file, or all, whose title, description or tags contain the words, whatever their case. A page is full as long as there are
   * enough among the next 5,000 documents; else it is short, with others maybe after it.
   */
  async search(
    kind: DataClassification,
    { fileId, words = "" }: { readonly fileId?: string | undefined; readonly words?: string | undefined },
    { limit, cursor }: PageRequest,
  ): Promise<Page<ContentMetadata>> {
    const { graph } = this.#scope;
    const filter = fileId === undefined ? undefined : ({ field: "file_id", value: fileId } as const);
    const sought = words.toLowerCase();
    const found: ContentMetadata[] = [];
    let after = cursor;
    for (let round = 0; round < MOST_ROUNDS; round += 1) {
      const page = await graph.list(this.#scope.of(kind), COLLECTION, filter, { limit: LOOKED_AT, cursor: after });
      for (const [index, document] of page.items.entries()) {
        const { deleted_by, ...said } = read(document);
        const text = [said.title, said.description, ...said.tags].join("\n").toLowerCase();
        if (deleted_by !== undefined || !text.includes(sought)) continue;
        found.push({ content_id: document.key, ...said });
        if (found.length < limit) continue;
        const isLast = index === page.items.length - 1 && page.nextCursor === undefined;
        return isLast ? { items: found } : { items: found, nextCursor: afterKey(document.key) };
      }
      after = page.nextCursor;
      if (after === undefined) return { items: found };
    }
    return { items: found, nextCursor: after };
  }

  /** The live one, or the one that `deletedBy` has deleted. */
  async #find(kind: DataClassification, contentId: string, deletedBy?: string) {
    const found = await this.#scope.graph.get(this.#scope.of(kind), COLLECTION, contentId);
    if (found === undefined) throw notFound(WHAT, contentId);
    const { deleted_by, ...said } = read(found);
    if (deleted_by !== undefined && deleted_by !== deletedBy) throw notFound(WHAT, contentId);
    return { said, revision: found.revision };
  }
}

function vertexOf(key: string): Vertex {
  return { collection: COLLECTION, key };
}

function read({ key, fields }: GraphDocument): Stored {
  const parsed = storedSchema.safeParse(fields);
  if (parsed.success) return parsed.data;
  throw new RuntimeError("content_metadata.unreadable", `What is stored of ${key} does not have the shape of it.`, {
    cause: parsed.error,
  });
}

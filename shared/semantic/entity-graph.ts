import { sha256 } from "../json.ts";
import { CONFIDENCE, type EntityType, findMentions, type Mention, sentenceEnds } from "./find-entities.ts";
import type { Evidence, SemanticItem } from "./semantic-item.ts";

const MAX_ENTITIES = 2_000;
const MAX_RELATIONS = 5_000;
/** Of a sentence with more, each pair would say little. */
const MAX_PER_SENTENCE = 12;
const MAX_EVIDENCE = 5;
const DIGEST_CHARS = 24;
/** A graph of a huge text is cut while it grows: what was seen most stays. */
const GROWTH = 10;

interface Entity {
  readonly id: string;
  readonly entityType: EntityType;
  readonly name: string;
  count: number;
  readonly evidence: Evidence[];
}
interface Relation {
  readonly source: string;
  readonly target: string;
  count: number;
  readonly evidence: Evidence[];
}

/** Who and what a text names, and what is named in the same sentence; with how often, and where. */
export class EntityGraph {
  readonly #entities = new Map<string, Entity>();
  readonly #relations = new Map<string, Relation>();
  readonly #leastConfidence: number;
  #dropped = false;

  constructor(leastConfidence = 0) {
    this.#leastConfidence = leastConfidence;
  }

  /** Whether there was more than is kept. */
  get truncated(): boolean {
    return this.#dropped || this.#entities.size > MAX_ENTITIES || this.#relations.size > MAX_RELATIONS;
  }

  add(text: string, record: number): void {
    const mentions = findMentions(text).filter(({ entityType }) => CONFIDENCE[entityType] >= this.#leastConfidence);
    let next = 0;
    let begin = 0;
    for (const end of sentenceEnds(text)) {
      const together = new Set<string>();
      for (
        let mention = mentions[next];
        mention !== undefined && mention.start < end;
        mention = mentions[(next += 1)]
      ) {
        together.add(this.#count(mention, record));
      }
      this.#relate([...together].slice(0, MAX_PER_SENTENCE), { record, start: begin, end });
      begin = end;
    }
    this.#dropped =
      this.#cut(this.#entities, MAX_ENTITIES) || this.#cut(this.#relations, MAX_RELATIONS) || this.#dropped;
  }

  items(semanticId: string): readonly SemanticItem[] {
    const key = (id: string): string => `${semanticId}.${id}`;
    const entities = mostCounted(this.#entities, MAX_ENTITIES);
    const kept = new Set(entities.map(({ id }) => id));
    const relations = mostCounted(this.#relations, MAX_RELATIONS).filter(
      ({ source, target }) => kept.has(source) && kept.has(target),
    );
    return [
      ...entities.map(({ id, entityType, name, count, evidence }): SemanticItem => ({
        kind: "entity",
        key: key(id),
        entity_id: `entity_${id}`,
        entity_type: entityType,
        name,
        confidence: CONFIDENCE[entityType],
        count,
        evidence,
      })),
      ...relations.map(({ source, target, count, evidence }): SemanticItem => ({
        kind: "relation",
        key: key(`${source}-${target}`),
        relation: "co_occurs",
        source_key: key(source),
        target_key: key(target),
        source_entity_id: `entity_${source}`,
        target_entity_id: `entity_${target}`,
        count,
        evidence,
      })),
    ];
  }

  #count({ entityType, name, start, end }: Mention, record: number): string {
    const id = entityDigest(entityType, name);
    const entity = this.#entities.get(id) ?? { id, entityType, name, count: 0, evidence: [] };
    this.#entities.set(id, entity);
    note(entity, { record, start, end });
    return id;
  }

  #relate(ids: readonly string[], where: Evidence): void {
    const sorted = ids.toSorted();
    for (const [index, source] of sorted.entries()) {
      for (const target of sorted.slice(index + 1)) {
        const key = `${source}-${target}`;
        const relation = this.#relations.get(key) ?? { source, target, count: 0, evidence: [] };
        this.#relations.set(key, relation);
        note(relation, where);
      }
    }
  }

  #cut(counted: Map<string, { readonly count: number }>, most: number): boolean {
    if (counted.size <= most * GROWTH) return false;
    const rare = [...counted].toSorted(([, a], [, b]) => b.count - a.count).slice(most);
    for (const [key] of rare) counted.delete(key);
    return true;
  }
}

/** The same thing by the same name has the same id in every file of whoever asks. */
function entityDigest(entityType: EntityType, name: string): string {
  const plain = name
    .normalize("NFKC")
    .toLowerCase()
    .replaceAll(/[\s.,]+/g, " ")
    .trim();
  return sha256(`${entityType}:${plain}`).slice(0, DIGEST_CHARS);
}

function note(counted: { count: number; readonly evidence: Evidence[] }, where: Evidence): void {
  counted.count += 1;
  if (counted.evidence.length < MAX_EVIDENCE) counted.evidence.push(where);
}

function mostCounted<Counted extends { readonly count: number }>(
  counted: ReadonlyMap<string, Counted>,
  most: number,
): readonly Counted[] {
  return [...counted]
    .toSorted(([a, { count: m }], [b, { count: n }]) => n - m || (a < b ? -1 : 1))
    .slice(0, most)
    .map(([, each]) => each);
}

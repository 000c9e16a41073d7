import { modelNotConfigured, type ModelProvider } from "../../../shared/ports/model-provider.ts";

const DIMENSIONS = 256;
/** Changes whenever the same text would get another vector. */
const LEXICAL_MODEL = `lexical-${DIMENSIONS}-v1`;
/** A word says more than any of its pieces, and all pieces together about as much. */
const PIECE_WEIGHT = 0.5;
const MAX_CHARS = 20_000;

/**
 * Embeddings without a language model: texts are near when they share words or pieces of words, whatever those mean. Words and
 * their padded trigrams are hashed with a sign into 256 dimensions (feature hashing, Weinberger et al. 2009), counted
 * sublinearly, and scaled to length 1. Needs no key, no network and no file; there are no completions.
 */
export function createLexicalModels(): ModelProvider {
  return {
    isModelAvailable: (task) => Promise.resolve(task === "embedding"),
    generateCompletion: () => Promise.reject(modelNotConfigured("completion")),
    generateEmbeddings: async (texts, signal) => {
      signal?.throwIfAborted();
      return Promise.resolve({ model: LEXICAL_MODEL, vectors: texts.map(lexicalVector) });
    },
  };
}

function lexicalVector(text: string): Float32Array {
  const counts = new Map<string, number>();
  const count = (feature: string): void => void counts.set(feature, (counts.get(feature) ?? 0) + 1);
  for (const word of wordsOf(text)) {
    count(`w${word}`);
    const padded = `<${word}>`;
    for (let i = 0; i + 3 <= padded.length; i += 1) count(`t${padded.slice(i, i + 3)}`);
  }
  const vector = new Float32Array(DIMENSIONS);
  for (const [feature, times] of counts) {
    const hashed = hashOf(feature);
    const weight = (1 + Math.log(times)) * (feature.startsWith("w") ? 1 : PIECE_WEIGHT);
    const place = hashed % DIMENSIONS;
    vector[place] = (vector[place] ?? 0) + (hashed & 0x8000_0000 ? weight : -weight);
  }
  const length = Math.hypot(...vector);
  return length === 0 ? vector : vector.map((value) => value / length);
}

/** Letters and digits in lower case, without accents; `orderDate` and `order_date` are two words. */
function wordsOf(text: string): readonly string[] {
  const plain = text
    .slice(0, MAX_CHARS)
    .replaceAll(/(\p{Ll}|\d)(\p{Lu})/gu, "$1 $2")
    .normalize("NFKD")
    .replaceAll(/\p{M}+/gu, "")
    .toLowerCase();
  return plain.match(/[\p{L}\p{N}]+/gu) ?? [];
}

/** FNV-1a over UTF-16 units, mixed once more: its low bits alone are poor. */
function hashOf(feature: string): number {
  let hash = 0x811c_9dc5;
  for (let i = 0; i < feature.length; i += 1) hash = Math.imul(hash ^ feature.charCodeAt(i), 0x0100_0193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x7feb_352d);
  return (hash ^ (hash >>> 15)) >>> 0;
}

import type { IntentDefinition } from "../shared/sagas/intent-definition.ts";
import { extractEmbeddings } from "./content/extract-embeddings.ts";
import { ingestFile } from "./content/ingest-file.ts";
import { parseContent } from "./content/parse-content.ts";
import { saveMaterialization } from "./content/save-materialization.ts";
import { search } from "./content/search.ts";
import { create as createMash } from "./mash/create.ts";

/** Every intent of the product. */
export const intents: readonly IntentDefinition[] = [
  ingestFile,
  saveMaterialization,
  parseContent,
  extractEmbeddings,
  search,
  createMash,
];

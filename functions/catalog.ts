import type { IntentDefinition } from "../shared/sagas/intent-definition.ts";
import { ingestFile } from "./content/ingest-file.ts";
import { parseContent } from "./content/parse-content.ts";
import { saveMaterialization } from "./content/save-materialization.ts";

/** Every intent of the product. */
export const intents: readonly IntentDefinition[] = [ingestFile, saveMaterialization, parseContent];

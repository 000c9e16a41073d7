import type { IntentDefinition } from "../shared/sagas/intent-definition.ts";
import { extractEmbeddings } from "./content/extract-embeddings.ts";
import { archiveFile } from "./content/archive-file.ts";
import { bulkIngestFiles } from "./content/bulk-ingest-files.ts";
import { createDeterministicEmbeddings } from "./content/create-deterministic-embeddings.ts";
import { deleteFile } from "./content/delete-file.ts";
import { getOperationStatus } from "./content/get-operation-status.ts";
import { ingestFile } from "./content/ingest-file.ts";
import { parseContent } from "./content/parse-content.ts";
import { restoreFile } from "./content/restore-file.ts";
import { saveMaterialization } from "./content/save-materialization.ts";
import { search } from "./content/search.ts";
import { create as createMash } from "./mash/create.ts";
import { authorizeMaterialization } from "./steward/authorize-materialization.ts";
import { updateFileReference } from "./steward/update-file-reference.ts";
import { describeContent } from "./steward/describe-content.ts";
import { endContract } from "./steward/end-contract.ts";
import { eraseSubject } from "./steward/erase-subject.ts";
import { expireContracts } from "./steward/expire-contracts.ts";
import { governData } from "./steward/govern-data.ts";
import { listData } from "./steward/list-data.ts";
import { promoteToRecordOfFact } from "./steward/promote-to-record-of-fact.ts";
import { putGovernancePolicy } from "./steward/put-governance-policy.ts";
import { query } from "./steward/query.ts";
import { requestDataAccess } from "./steward/request-data-access.ts";
import { setMaterializationPolicy } from "./steward/set-materialization-policy.ts";
import { traceLineage } from "./steward/trace-lineage.ts";
import { queryData } from "./insights/query-data.ts";

/** Every intent of the product. */
export const intents: readonly IntentDefinition[] = [
  ingestFile,
  saveMaterialization,
  parseContent,
  extractEmbeddings,
  search,
  createMash,
  requestDataAccess,
  authorizeMaterialization,
  endContract,
  expireContracts,
  promoteToRecordOfFact,
  setMaterializationPolicy,
  putGovernancePolicy,
  governData,
  listData,
  query,
  describeContent,
  updateFileReference,
  traceLineage,
  createDeterministicEmbeddings,
  archiveFile,
  restoreFile,
  deleteFile,
  bulkIngestFiles,
  getOperationStatus,
  queryData,
  eraseSubject,
];

import { ingestFile } from "../../functions/content/ingest-file.ts";
import { authorizeMaterialization } from "../../functions/steward/authorize-materialization.ts";
import { updateFileReference } from "../../functions/steward/update-file-reference.ts";
import { describeContent } from "../../functions/steward/describe-content.ts";
import { eraseSubject } from "../../functions/steward/erase-subject.ts";
import { endContract } from "../../functions/steward/end-contract.ts";
import { expireContracts } from "../../functions/steward/expire-contracts.ts";
import { governData } from "../../functions/steward/govern-data.ts";
import { listData } from "../../functions/steward/list-data.ts";
import { promoteToRecordOfFact } from "../../functions/steward/promote-to-record-of-fact.ts";
import { putGovernancePolicy } from "../../functions/steward/put-governance-policy.ts";
import { query } from "../../functions/steward/query.ts";
import { requestDataAccess } from "../../functions/steward/request-data-access.ts";
import { setMaterializationPolicy } from "../../functions/steward/set-materialization-policy.ts";
import { traceLineage } from "../../functions/steward/trace-lineage.ts";
import type { JsonObject } from "../../shared/json.ts";
import type { IntentDefinition } from "../../shared/sagas/intent-definition.ts";
import { chaos, type ChaosReport, type Preparation } from "../kit/chaos.ts";

/** By intent type: what it is of, its play, and how it ends. */
export type RealmCases = Readonly<
  Record<string, readonly (readonly [what: string, play: () => Promise<ChaosReport>, status: string])[]>
>;

const client = { data_classification: "client" } as const;
const SOURCE = { ...client, source_external_id: "crm/1" };
const DESCRIBED = { operation: "create", content_id: "file_1", file_id: "file_1", title: "People" };
const AUTHORIZED = { ...client, materialization_type: "reference", backing_store: "none" };

async function requested({ run }: Preparation): Promise<{ contract_id: string }> {
  const { contract_id } = (await run(requestDataAccess, SOURCE)).output as { contract_id: string };
  return { contract_id };
}

async function authorized(preparation: Preparation): Promise<{ contract_id: string }> {
  const { contract_id } = await requested(preparation);
  await preparation.run(authorizeMaterialization, { ...AUTHORIZED, contract_id, lifetime_days: 1 });
  return { contract_id };
}

type Prepare = (preparation: Preparation) => Promise<JsonObject>;

/** The steward's intents, each in a case that it completes, and those that change something also in one that they refuse. */
export function stewardCases(ingested: Prepare): RealmCases {
  const contracts = [requestDataAccess, authorizeMaterialization];
  const play =
    (intent: IntentDefinition, input: JsonObject, children: readonly IntentDefinition[], prepare: Prepare) => () =>
      chaos(intent, input, { children, prepare });
  const nothing = () => Promise.resolve({});
  const fileId = async (stage: Preparation) => ({ file_id: (await ingested(stage))["file_id"] });
  return {
    [requestDataAccess.type]: [
      ["a source", play(requestDataAccess, SOURCE, [], nothing), "completed"],
      [
        "a source that has an active contract",
        play(requestDataAccess, SOURCE, [authorizeMaterialization], async (stage) => {
          await authorized(stage);
          return {};
        }),
        "completed",
      ],
    ],
    [authorizeMaterialization.type]: [
      ["a pending contract", play(authorizeMaterialization, AUTHORIZED, [requestDataAccess], requested), "completed"],
      ["no contract", play(authorizeMaterialization, { ...AUTHORIZED, contract_id: "x" }, [], nothing), "compensated"],
    ],
    [endContract.type]: [
      ["an active contract", play(endContract, { ...client, outcome: "revoked" }, contracts, authorized), "completed"],
    ],
    [expireContracts.type]: [["no contract that is due", play(expireContracts, client, [], nothing), "completed"]],
    [promoteToRecordOfFact.type]: [
      [
        "a fact",
        play(promoteToRecordOfFact, { ...client, fact_type: "name", fact: { is: "Ada" } }, contracts, authorized),
        "completed",
      ],
    ],
    [setMaterializationPolicy.type]: [
      [
        "a solution's rule",
        play(
          setMaterializationPolicy,
          { ...client, solution_id: "s", artifact_type: "embeddings", decision: "CACHE" },
          [],
          nothing,
        ),
        "completed",
      ],
    ],
    [putGovernancePolicy.type]: [
      [
        "a policy",
        play(
          putGovernancePolicy,
          {
            ...client,
            policy_id: "fresh",
            policy: { policy_type: "retention", applies_to: ["file"], rule: { max_age_days: 1 } },
          },
          [],
          nothing,
        ),
        "completed",
      ],
    ],
    [governData.type]: [
      [
        "a file",
        play(governData, { ...client, data_type: "file" }, [ingestFile], async (stage) => ({
          data_id: (await ingested(stage))["file_id"],
        })),
        "completed",
      ],
    ],
    [listData.type]: [
      [
        "contracts",
        play(listData, { ...client, kind: "contracts" }, contracts, async (stage) => {
          await authorized(stage);
          return {};
        }),
        "completed",
      ],
    ],
    [query.type]: [
      [
        "files",
        play(query, { ...client, target: { kind: "files" } }, [ingestFile], async (stage) => {
          await ingested(stage);
          return {};
        }),
        "completed",
      ],
    ],
    [eraseSubject.type]: [
      [
        "a subject with a file",
        () =>
          chaos(
            eraseSubject,
            { subject_id: "s1", confirm: "s1" },
            {
              children: [ingestFile],
              prepare: async ({ run }) => {
                const content_base64 = Buffer.from("name\nZoe\n").toString("base64");
                await run(ingestFile, { ui_name: "zoe.csv", ingestion_type: "upload", content_base64 }, "s1");
                return {};
              },
              // Ciphertexts, their digests, and that of the key's id.
              passing: /"data":"[^"]*"|\b[0-9a-f]{64}\b/g,
            },
          ),
        "completed",
      ],
      ["nobody", play(eraseSubject, { subject_id: "nobody", confirm: "nobody" }, [], nothing), "failed"],
    ],
    [describeContent.type]: [
      ["new content", play(describeContent, { ...client, change: DESCRIBED }, [], nothing), "completed"],
      [
        "no content",
        play(describeContent, { ...client, change: { operation: "delete", content_id: "none" } }, [], nothing),
        "compensated",
      ],
    ],
    [updateFileReference.type]: [
      ["a file", play(updateFileReference, { ...client, ui_name: "renamed.csv" }, [ingestFile], fileId), "completed"],
    ],
    [traceLineage.type]: [
      [
        "a file",
        play(traceLineage, client, [ingestFile], async (stage) => ({ data_id: (await ingested(stage))["file_id"] })),
        "completed",
      ],
    ],
  };
}

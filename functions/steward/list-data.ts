import * as z from "zod";

import { jsonValue } from "../../shared/json.ts";
import { intent } from "../../shared/sagas/intent.ts";
import { CONTRACT_STATUSES } from "../../shared/steward/boundary-contract.ts";
import { dataClassification, page, pageJson } from "./classification.ts";

const input = z.strictObject({
  kind: z.enum(["contracts", "facts", "policies"]),
  data_classification: dataClassification,
  status: z.enum(CONTRACT_STATUSES).optional().describe("contracts: of this status only"),
  ...page,
});

/**
 * Lists what was agreed of data and what is kept for good, of one class, newest first, or the governance policies by their ids; the data
 * itself is what `steward.query` answers.
 */
export const listData = intent("steward.list_data", {
  version: 2,
  description: "List boundary contracts, records of fact or governance policies of one classification.",
  input,
  output: z.object({ items: z.array(jsonValue), next_cursor: z.string().optional() }),
})
  .step("list", {
    run: async ({ input: asked, steward }) => {
      const { data_classification: kind, limit, cursor, status } = asked;
      const at = { limit, cursor };
      const list = () => {
        switch (asked.kind) {
          case "contracts":
            return steward.contracts.list(kind, at, status);
          case "facts":
            return steward.contracts.facts(kind, at);
          case "policies":
            return steward.governance.listPolicies(kind, at);
        }
      };
      return pageJson(await list());
    },
  })
  .returns(({ outputs: { list } }) => list);

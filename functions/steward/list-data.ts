import * as z from "zod";

import { jsonValue, toJson } from "../../shared/json.ts";
import { intent } from "../../shared/sagas/intent.ts";
import { CONTRACT_STATUSES } from "../../shared/steward/boundary-contract.ts";
import { dataClassification, id, page } from "./classification.ts";

const input = z.strictObject({
  kind: z.enum(["files", "parsed", "contracts", "facts"]),
  data_classification: dataClassification,
  file_id: id.optional().describe("parsed: of this file only"),
  status: z.enum(CONTRACT_STATUSES).optional().describe("contracts: of this status only"),
  ...page,
});

/** Lists what the steward keeps, of one class, newest first. */
export const listData = intent("steward.list_data", {
  version: 1,
  description: "List files, parsed data, boundary contracts or records of fact of one classification.",
  input,
  output: z.object({ items: z.array(jsonValue), next_cursor: z.string().optional() }),
})
  .step("list", {
    run: async ({ input: asked, steward }) => {
      const { data_classification: kind, limit, cursor, file_id: fileId, status } = asked;
      const at = { limit, cursor };
      const list = () => {
        switch (asked.kind) {
          case "files":
            return kind === "platform" ? steward.files.listPlatformFiles(at) : steward.files.listClientFiles(at);
          case "parsed":
            return steward.parsed.list(kind, at, fileId);
          case "contracts":
            return steward.contracts.list(kind, at, status);
          case "facts":
            return steward.contracts.facts(kind, at);
        }
      };
      const { items, nextCursor } = await list();
      const rows = items.map((row) => toJson(row));
      return { items: rows, ...(nextCursor === undefined ? {} : { next_cursor: nextCursor }) };
    },
  })
  .returns(({ outputs: { list } }) => list);

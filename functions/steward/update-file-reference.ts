import * as z from "zod";

import { intent } from "../../shared/sagas/intent.ts";
import { MEDIA_TYPE } from "../../shared/artifacts/media-type.ts";
import { dataClassification, id } from "./classification.ts";

const input = z.strictObject({
  file_id: id,
  data_classification: dataClassification,
  ui_name: z.string().min(1).max(255).optional(),
  file_type: z.string().min(1).max(64).optional(),
  content_type: z.string().max(255).regex(MEDIA_TYPE, "must be a media type such as text/csv").optional(),
});

/** Changes what is said of a file; its bytes never change. */
export const updateFileReference = intent("steward.update_file_reference", {
  version: 1,
  description: "Change the name or the type that a file goes by.",
  role: "operator",
  input,
  output: z.object({ file_id: z.string() }),
})
  .step("change", {
    run: ({ input: { file_id, data_classification, ...asked }, steward }) => {
      const set = {
        ...(asked.ui_name === undefined ? {} : { ui_name: asked.ui_name }),
        ...(asked.file_type === undefined ? {} : { file_type: asked.file_type }),
        ...(asked.content_type === undefined ? {} : { content_type: asked.content_type }),
      };
      return steward.files.update(data_classification, file_id, set);
    },
    undo: (ctx) => ctx.steward.undo(),
  })
  .returns(({ outputs }) => outputs.change);

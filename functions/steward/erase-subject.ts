import * as z from "zod";

import { intent } from "../../shared/sagas/intent.ts";
import { subjectIdSchema } from "../../shared/state/subjects.ts";

const input = z
  .strictObject({
    subject_id: subjectIdSchema,
    confirm: z.string().describe("the subject's id again: there is no way back"),
  })
  .refine(({ subject_id, confirm }) => confirm === subject_id, {
    path: ["confirm"],
    message: "must be the subject_id once more",
  });

/** Makes all data of a subject unreadable, everywhere and for good, by deleting its key; then what is left of its files goes too. */
export const eraseSubject = intent("steward.erase_subject", {
  version: 2,
  description: "Erase a subject: all data that name it become unreadable, for good.",
  role: "operator",
  input,
  output: z.object({
    subject_id: z.string(),
    key_id_sha256: z.string(),
    erased_at: z.string(),
    erased_by: z.string().nullable(),
    artifacts: z.int().describe("how many cannot be read any more"),
    more: z.boolean().describe("whether there are others whose bytes are not given up yet; erase again"),
  }),
})
  .pivot("erase", { run: async (ctx) => ({ ...(await ctx.steward.eraseSubject(ctx.input.subject_id)) }) })
  .step("give_up", { run: (ctx) => ctx.steward.giveUpSubjectBytes(ctx.input.subject_id) })
  .returns(({ outputs: { erase, give_up } }) => ({ ...erase, more: give_up.more }));

import * as z from "zod";

/** The file of indexes that firebase.json names. */
export const firestoreIndexesForm = z.object({
  indexes: z.array(
    z.object({
      collectionGroup: z.string(),
      queryScope: z.string(),
      fields: z.array(
        z.object({ fieldPath: z.string(), order: z.string().optional(), arrayConfig: z.string().optional() }),
      ),
    }),
  ),
  fieldOverrides: z.array(
    z.object({
      collectionGroup: z.string(),
      fieldPath: z.string(),
      ttl: z.boolean().optional(),
      indexes: z.array(z.object({ order: z.string().optional(), queryScope: z.string() })),
    }),
  ),
});

export type FirestoreIndexes = z.infer<typeof firestoreIndexesForm>;

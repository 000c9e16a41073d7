/** How far data has come, in the order in which it comes there; the last one is not for all. */
export const MILESTONES = [
  "file_uploaded",
  "file_validated",
  "file_parsed",
  "parsed_data_stored",
  "semantic_processed",
  "semantic_stored",
  "data_mash_complete",
  "insights_generated",
] as const;
export type Milestone = (typeof MILESTONES)[number];

/** Which milestones are reached when a node of the plan is completed, by the node's name. */
export type JourneyMap = Readonly<Record<string, readonly Milestone[]>>;

export const MATERIALIZATIONS = ["PERSIST", "CACHE", "DISCARD"] as const;
export type MaterializationDecision = (typeof MATERIALIZATIONS)[number];

/** What a solution says of artifact types, over the defaults. */
export type MaterializationOverrides = Readonly<Record<string, string>>;

const PERSISTED_BY_DEFAULT: ReadonlySet<string> = new Set([
  "intent",
  "journey",
  "state_transition",
  "governance_decision",
  "file",
  "parsed_content",
  "embeddings",
]);

/** Whether an artifact of a type is kept. An unknown type, or an override that makes no sense, discards. */
export function materializationFor(
  artifactType: string,
  overrides: MaterializationOverrides = {},
): MaterializationDecision {
  const override = Object.hasOwn(overrides, artifactType) ? overrides[artifactType] : undefined;
  if (override !== undefined) return MATERIALIZATIONS.find((decision) => decision === override) ?? "DISCARD";
  return PERSISTED_BY_DEFAULT.has(artifactType) ? "PERSIST" : "DISCARD";
}

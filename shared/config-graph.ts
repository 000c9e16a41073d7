import type { Reading } from "./config-choices.ts";

/** Where content metadata, embeddings, the semantic graph and lineage are. */
export interface GraphChoice {
  readonly kind: "sqlite";
}

type Environment = Readonly<Record<string, string | undefined>>;

export const GRAPHS: Readonly<Record<GraphChoice["kind"], (env: Environment) => Reading<GraphChoice>>> = {
  sqlite: () => ({ success: true, data: { kind: "sqlite" } }),
};

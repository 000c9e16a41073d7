import * as z from "zod";

import { HTTP_EXAMPLE, isHttp, needed, type Reader } from "./config-choices.ts";

export interface ArangoChoice {
  readonly kind: "arango";
  readonly url: string;
  readonly database: string;
  readonly user: string;
  readonly password: string;
}
/** Where content metadata, embeddings, the semantic graph and lineage are. */
export type GraphChoice = { readonly kind: "none" } | { readonly kind: "sqlite" } | ArangoChoice;

export const GRAPHS: Readonly<Record<GraphChoice["kind"], Reader<GraphChoice>>> = {
  none: () => ({ success: true, data: { kind: "none" } }),
  sqlite: () => ({ success: true, data: { kind: "sqlite" } }),
  arango: (env) =>
    z
      .object({
        ARANGO_URL: needed("GRAPH=arango").refine(isHttp, HTTP_EXAMPLE),
        ARANGO_DATABASE: z
          .string()
          .regex(/^[A-Za-z][\w-]{0,63}$/, "must begin with a letter and have up to 64 letters, digits, _ and -")
          .default("symphainy"),
        ARANGO_USER: z.string().min(1).default("root"),
        ARANGO_PASSWORD: z.string().default(""),
      })
      .transform((arango): GraphChoice => ({
        kind: "arango",
        url: arango.ARANGO_URL,
        database: arango.ARANGO_DATABASE,
        user: arango.ARANGO_USER,
        password: arango.ARANGO_PASSWORD,
      }))
      .safeParse(env),
};

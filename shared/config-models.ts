import * as z from "zod";

import { HTTP_EXAMPLE, isHttp, needed, type Reader } from "./config-choices.ts";

/** Whose models of language are used; `lexical` is none: embeddings by words alone, and no completions. */
export type ModelsChoice =
  | { readonly kind: "lexical" }
  | { readonly kind: "anthropic"; readonly apiKey: string; readonly baseUrl: string; readonly completionModel: string }
  | {
      readonly kind: "openai" | "huggingface";
      readonly apiKey: string;
      readonly baseUrl: string;
      readonly completionModel: string | undefined;
      readonly embeddingModel: string;
    };

const baseUrl = (fallback: string) =>
  z
    .string()
    .refine(isHttp, HTTP_EXAMPLE)
    .transform((url) => url.replace(/\/+$/, ""))
    .default(fallback);

const withEmbeddings =
  (kind: "openai" | "huggingface", url: string): Reader<ModelsChoice> =>
  (env) =>
    z
      .object({
        MODEL_API_KEY: needed(`MODELS=${kind}`),
        MODEL_BASE_URL: baseUrl(url),
        MODEL_COMPLETION: z.string().min(1).optional(),
        MODEL_EMBEDDING: needed(`MODELS=${kind}`),
      })
      .transform((model): ModelsChoice => ({
        kind,
        apiKey: model.MODEL_API_KEY,
        baseUrl: model.MODEL_BASE_URL,
        completionModel: model.MODEL_COMPLETION,
        embeddingModel: model.MODEL_EMBEDDING,
      }))
      .safeParse(env);

export const MODELS: Readonly<Record<ModelsChoice["kind"], Reader<ModelsChoice>>> = {
  lexical: () => ({ success: true, data: { kind: "lexical" } }),
  openai: withEmbeddings("openai", "https://api.openai.com/v1"),
  huggingface: withEmbeddings("huggingface", "https://router.huggingface.co"),
  anthropic: (env) =>
    z
      .object({
        MODEL_API_KEY: needed("MODELS=anthropic"),
        MODEL_BASE_URL: baseUrl("https://api.anthropic.com/v1"),
        MODEL_COMPLETION: needed("MODELS=anthropic"),
      })
      .transform((model): ModelsChoice => ({
        kind: "anthropic",
        apiKey: model.MODEL_API_KEY,
        baseUrl: model.MODEL_BASE_URL,
        completionModel: model.MODEL_COMPLETION,
      }))
      .safeParse(env),
};

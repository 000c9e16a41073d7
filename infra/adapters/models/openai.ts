import * as z from "zod";

import { modelNotConfigured, type ModelProvider } from "../../../shared/ports/model-provider.ts";
import { callProvider, type ProviderDeps, refused } from "./call-provider.ts";
import { inBatches } from "./in-batches.ts";

export interface OpenAiModelsOptions {
  readonly provider: string;
  /** `https://host/v1`. */
  readonly baseUrl: string;
  readonly apiKey: string;
  readonly completionModel: string | undefined;
  readonly embeddingModel: string;
  /** What it calls the most tokens of an answer: OpenAI has renamed it, others have not. */
  readonly mostTokens: "max_completion_tokens" | "max_tokens";
}

const BATCH = 256;
const completionAnswer = z.object({
  model: z.string(),
  choices: z
    .array(z.object({ message: z.object({ content: z.string().nullable() }), finish_reason: z.string().nullish() }))
    .min(1),
  usage: z.object({ prompt_tokens: z.int(), completion_tokens: z.int() }),
});
const embeddingAnswer = z.object({
  data: z.array(z.object({ index: z.int(), embedding: z.array(z.number()) })),
});

/** OpenAI's API, and those that speak it: `/chat/completions`, `/embeddings` and `/models/<name>`. */
export function createOpenAiModels(options: OpenAiModelsOptions, deps: ProviderDeps): ModelProvider {
  const { provider, baseUrl, apiKey, completionModel, embeddingModel, mostTokens } = options;
  const call = async (path: string, body: object | undefined, signal: AbortSignal | undefined) =>
    callProvider(deps, {
      provider,
      url: `${baseUrl}${path}`,
      headers: { authorization: `Bearer ${apiKey}` },
      ...(body === undefined ? {} : { body }),
      signal,
    });
  const post = async <Answer>(path: string, schema: z.ZodType<Answer>, body: object, signal?: AbortSignal) => {
    const answer = await call(path, body, signal);
    const parsed = schema.safeParse(answer.found ? answer.json : undefined);
    if (!parsed.success) throw refused(provider, answer.found ? 200 : 404);
    return parsed.data;
  };

  return {
    isModelAvailable: async (task, signal) => {
      const model = task === "completion" ? completionModel : embeddingModel;
      if (model === undefined) return false;
      return (await call(`/models/${model.split("/").map(encodeURIComponent).join("/")}`, undefined, signal)).found;
    },
    generateCompletion: async ({ system, prompt, maxOutputTokens }, signal) => {
      if (completionModel === undefined) throw modelNotConfigured("completion");
      const messages = [
        ...(system === undefined ? [] : [{ role: "system", content: system }]),
        { role: "user", content: prompt },
      ];
      const body = { model: completionModel, messages, [mostTokens]: maxOutputTokens };
      const { model, choices, usage } = await post("/chat/completions", completionAnswer, body, signal);
      return {
        model,
        text: choices[0]?.message.content ?? "",
        inputTokens: usage.prompt_tokens,
        outputTokens: usage.completion_tokens,
        truncated: choices[0]?.finish_reason === "length",
      };
    },
    generateEmbeddings: async (texts, signal) => ({
      model: embeddingModel,
      vectors: await inBatches(texts, BATCH, async (batch) => {
        const body = { model: embeddingModel, input: batch, encoding_format: "float" };
        const { data } = await post("/embeddings", embeddingAnswer, body, signal);
        if (data.length !== batch.length) throw refused(provider, 200);
        return data.toSorted((a, b) => a.index - b.index).map(({ embedding }) => Float32Array.from(embedding));
      }),
    }),
  };
}

import * as z from "zod";

import type { ModelProvider } from "../../../shared/ports/model-provider.ts";
import { callProvider, type ProviderDeps, refused } from "./call-provider.ts";
import { inBatches } from "./in-batches.ts";
import { createOpenAiModels } from "./openai.ts";

export interface HuggingFaceModelsOptions {
  /** `https://host`, of the router: chat at `/v1`, inference at `/hf-inference`. */
  readonly baseUrl: string;
  readonly apiKey: string;
  readonly completionModel: string | undefined;
  readonly embeddingModel: string;
}

const PROVIDER = "huggingface";
const BATCH = 64;
const vectors = z.array(z.array(z.number()));

/** Hugging Face's inference router: completions the way OpenAI has them, embeddings by feature extraction. */
export function createHuggingFaceModels(options: HuggingFaceModelsOptions, deps: ProviderDeps): ModelProvider {
  const { baseUrl, apiKey, embeddingModel } = options;
  const chat = createOpenAiModels(
    { ...options, provider: PROVIDER, baseUrl: `${baseUrl}/v1`, mostTokens: "max_tokens" },
    deps,
  );
  const url = `${baseUrl}/hf-inference/models/${embeddingModel}/pipeline/feature-extraction`;
  const extract = async (inputs: readonly string[], signal: AbortSignal | undefined) =>
    callProvider(deps, {
      provider: PROVIDER,
      url,
      headers: { authorization: `Bearer ${apiKey}` },
      body: { inputs, normalize: true },
      signal,
    });
  return {
    ...chat,
    isModelAvailable: async (task, signal) =>
      task === "completion" ? chat.isModelAvailable(task, signal) : (await extract(["ping"], signal)).found,
    generateEmbeddings: async (texts, signal) => ({
      model: embeddingModel,
      vectors: await inBatches(texts, BATCH, async (batch) => {
        const answer = await extract(batch, signal);
        const parsed = vectors.safeParse(answer.found ? answer.json : undefined);
        if (parsed.data?.length !== batch.length) throw refused(PROVIDER, answer.found ? 200 : 404);
        return parsed.data.map((vector) => Float32Array.from(vector));
      }),
    }),
  };
}

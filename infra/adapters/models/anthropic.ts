import * as z from "zod";

import type { ModelProvider } from "../../../shared/ports/model-provider.ts";
import { callProvider, type ProviderDeps, refused } from "./call-provider.ts";
import { createLexicalModels } from "./lexical.ts";

export interface AnthropicModelsOptions {
  /** `https://host/v1`. */
  readonly baseUrl: string;
  readonly apiKey: string;
  readonly completionModel: string;
}

const PROVIDER = "anthropic";
const API_VERSION = "2023-06-01";
const messageAnswer = z.object({
  model: z.string(),
  content: z.array(z.object({ type: z.string(), text: z.string().optional() })),
  stop_reason: z.string().nullable(),
  usage: z.object({ input_tokens: z.int(), output_tokens: z.int() }),
});

/** Anthropic's messages API; it has no embeddings, so they are lexical ones. */
export function createAnthropicModels(options: AnthropicModelsOptions, deps: ProviderDeps): ModelProvider {
  const { baseUrl, apiKey, completionModel } = options;
  const lexical = createLexicalModels();
  const headers = { "x-api-key": apiKey, "anthropic-version": API_VERSION };
  return {
    ...lexical,
    isModelAvailable: async (task, signal) => {
      if (task === "embedding") return true;
      const url = `${baseUrl}/models/${encodeURIComponent(completionModel)}`;
      return (await callProvider(deps, { provider: PROVIDER, url, headers, signal })).found;
    },
    generateCompletion: async ({ system, prompt, maxOutputTokens }, signal) => {
      const body = {
        model: completionModel,
        max_tokens: maxOutputTokens,
        messages: [{ role: "user", content: prompt }],
        ...(system === undefined ? {} : { system }),
      };
      const answer = await callProvider(deps, {
        provider: PROVIDER,
        url: `${baseUrl}/messages`,
        headers,
        body,
        signal,
      });
      const parsed = messageAnswer.safeParse(answer.found ? answer.json : undefined);
      if (!parsed.success) throw refused(PROVIDER, answer.found ? 200 : 404);
      const { model, content, stop_reason: ended, usage } = parsed.data;
      return {
        model,
        text: content.map(({ text = "" }) => text).join(""),
        inputTokens: usage.input_tokens,
        outputTokens: usage.output_tokens,
        truncated: ended === "max_tokens",
      };
    },
  };
}

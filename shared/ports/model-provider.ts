import { RuntimeError } from "../errors.ts";

export type ModelTask = "completion" | "embedding";

/**
 * Models of language, of one provider or of none.
 * Errors: `model.not_configured` (501) for a task that this installation has no model for; `model.unavailable` (503, retryable) when
 * the provider does not answer, is overloaded or limits the rate; `model.refused` (502) when it takes neither key nor request.
 */
export interface ModelProvider {
  /** Whether a model for the task is configured and its provider knows it. Rejects with `model.unavailable` when that cannot be told. */
  isModelAvailable(task: ModelTask, signal?: AbortSignal): Promise<boolean>;
  generateCompletion(request: CompletionRequest, signal?: AbortSignal): Promise<Completion>;
  /** One vector for each text, in their order, all of one length. */
  generateEmbeddings(texts: readonly string[], signal?: AbortSignal): Promise<Embeddings>;
}

export interface CompletionRequest {
  readonly system?: string | undefined;
  readonly prompt: string;
  readonly maxOutputTokens: number;
}

export interface Completion {
  readonly model: string;
  readonly text: string;
  readonly inputTokens: number;
  readonly outputTokens: number;
  /** Whether it ended because `maxOutputTokens` were reached. */
  readonly truncated: boolean;
}

export interface Embeddings {
  /** Vectors of different models cannot be compared. */
  readonly model: string;
  readonly vectors: readonly Float32Array[];
}

export function modelNotConfigured(task: ModelTask): RuntimeError {
  return new RuntimeError("model.not_configured", `No model for ${task}s is configured; set MODELS.`, { status: 501 });
}

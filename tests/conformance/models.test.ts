import { once } from "node:events";
import { createServer, type IncomingHttpHeaders, type Server } from "node:http";
import type { AddressInfo } from "node:net";

import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { createAnthropicModels } from "../../infra/adapters/models/anthropic.ts";
import { createHuggingFaceModels } from "../../infra/adapters/models/hugging-face.ts";
import { createOpenAiModels } from "../../infra/adapters/models/openai.ts";
import type { RuntimeError } from "../../shared/errors.ts";
import type { ModelProvider } from "../../shared/ports/model-provider.ts";

const KEY = "sk-s3cr3t";
const PROMPT = { system: "Be brief.", prompt: "Hello?", maxOutputTokens: 20 };

interface Request {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: Record<string, unknown>;
}
interface Answer {
  readonly status?: number;
  readonly headers?: Record<string, string>;
  readonly json?: unknown;
}

/** Stands in for a provider: answers what it is given, in order, the last one for good; then the right thing for the path. */
let server: Server;
let base: string;
let asked: Request[];
let answers: Answer[];
let slept: number[];

beforeEach(async () => {
  [asked, answers, slept] = [[], [], []];
  server = createServer((request, response) => {
    void (async () => {
      let text = "";
      for await (const chunk of request) text += String(chunk);
      const path = request.url ?? "";
      const body = (text === "" ? {} : JSON.parse(text)) as Record<string, unknown>;
      asked.push({ path, headers: request.headers, body });
      const { status = 200, headers = {}, json = rightAnswer(path, body) } = answers.shift() ?? {};
      if (status === 0) request.socket.destroy();
      else response.writeHead(status, { "content-type": "application/json", ...headers }).end(JSON.stringify(json));
    })();
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterEach(() => {
  server.closeAllConnections();
  server.close();
});

function rightAnswer(path: string, body: Record<string, unknown>): unknown {
  if (path.endsWith("/messages")) {
    return {
      model: "c-1",
      content: [{ type: "thinking" }, { type: "text", text: "Hi" }, { type: "text", text: "!" }],
      stop_reason: "max_tokens",
      usage: { input_tokens: 7, output_tokens: 2 },
    };
  }
  if (path.endsWith("/chat/completions")) {
    return {
      model: "c-1",
      choices: [{ message: { content: "Hi!" }, finish_reason: "length" }],
      usage: { prompt_tokens: 7, completion_tokens: 2 },
    };
  }
  if (path.endsWith("/embeddings")) {
    const data = (body["input"] as string[]).map((text, index) => ({ index, embedding: [text.length, 0.5] }));
    return { data: data.toReversed() };
  }
  if (path.endsWith("/feature-extraction")) return (body["inputs"] as string[]).map((text) => [text.length, 0.5]);
  return { id: "known" };
}

const deps = () => ({
  clock: {
    now: () => 0,
    sleep: async (delayMs: number) => {
      slept.push(delayMs);
      return Promise.resolve();
    },
  },
  random: { uuid: () => "", fraction: () => 1 },
});
const names = { apiKey: KEY, completionModel: "org/c", embeddingModel: "org/e" };
const providers: readonly (readonly [string, () => ModelProvider])[] = [
  [
    "openai",
    () =>
      createOpenAiModels(
        { ...names, provider: "openai", baseUrl: `${base}/v1`, mostTokens: "max_completion_tokens" },
        deps(),
      ),
  ],
  ["huggingface", () => createHuggingFaceModels({ ...names, baseUrl: base }, deps())],
  ["anthropic", () => createAnthropicModels({ ...names, baseUrl: `${base}/v1` }, deps())],
];

describe.each(providers)("models of %s, by a stand-in of its API", (name, open) => {
  it("completes a prompt, with its key where the provider wants it", async () => {
    expect(await open().generateCompletion(PROMPT)).toEqual({
      model: "c-1",
      text: "Hi!",
      inputTokens: 7,
      outputTokens: 2,
      truncated: true,
    });
    const [request] = asked;
    expect(request?.body["model"]).toBe("org/c");
    expect(JSON.stringify(request?.body)).toContain("Be brief.");
    expect(request?.headers[name === "anthropic" ? "x-api-key" : "authorization"]).toContain(KEY);
  });

  it("embeds many texts in batches, in their order", async () => {
    const texts = Array.from({ length: 300 }, (_, n) => "x".repeat(1 + (n % 7)));
    const { vectors } = await open().generateEmbeddings(texts);
    expect(vectors).toHaveLength(300);
    if (name === "anthropic") {
      expect(asked).toEqual([]);
      return;
    }
    expect(vectors.map(([first]) => first)).toEqual(texts.map(({ length }) => length));
    expect(asked.length).toBeGreaterThan(1);
  });

  it("tries again after 429, 5xx and silence, as late as the provider wants", async () => {
    answers = [{ status: 429, headers: { "retry-after": "3" }, json: {} }, { status: 0 }];
    expect(await open().generateCompletion(PROMPT)).toMatchObject({ text: "Hi!" });
    expect(slept).toEqual([3_000, 1_000]);
  });

  it("is unavailable, which may pass, when that does not help, and at once when it is told to wait for long", async () => {
    answers = [
      { status: 500, json: {} },
      { status: 503, json: {} },
      { status: 529, json: {} },
    ];
    const unavailable = { code: "model.unavailable", status: 503, retryable: true };
    await expect(open().generateCompletion(PROMPT)).rejects.toMatchObject({
      ...unavailable,
      details: { provider: name, provider_status: 529 },
    });
    answers = [{ status: 429, headers: { "retry-after": "3600" }, json: {} }];
    await expect(open().generateCompletion(PROMPT)).rejects.toMatchObject(unavailable);
    expect(asked).toHaveLength(4);
  });

  it.each([
    [400, {}],
    [401, { error: { message: `Incorrect API key provided: ${KEY}` } }],
    [200, { something: "else" }],
    [404, {}],
  ])("is refused by an answer of %i, once, and says nothing of the key", async (status, json) => {
    answers = [{ status, json }];
    const error: unknown = await open()
      .generateCompletion(PROMPT)
      .catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: "model.refused", status: 502, retryable: false });
    const { message, details, cause, stack } = error as RuntimeError;
    expect(JSON.stringify([message, details, stack]) + String(cause)).not.toContain(KEY);
    expect(asked).toHaveLength(1);
  });

  it("knows whether its models are there", async () => {
    const models = open();
    expect([await models.isModelAvailable("completion"), await models.isModelAvailable("embedding")]).toEqual([
      true,
      true,
    ]);
    answers = [{ status: 404, json: {} }];
    expect(await models.isModelAvailable("completion")).toBe(false);
  });

  it("ends with its caller, and does not try again", async () => {
    const caller = new AbortController();
    answers = [{ status: 500, json: {} }];
    caller.abort(new Error("the step is over"));
    await expect(open().generateCompletion(PROMPT, caller.signal)).rejects.toThrow("the step is over");
    expect(asked).toEqual([]);
  });
});

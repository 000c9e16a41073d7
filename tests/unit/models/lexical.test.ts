import { expect, it } from "vitest";

import { createLexicalModels } from "../../../infra/adapters/models/lexical.ts";
import { sha256 } from "../../../shared/json.ts";

const models = createLexicalModels();
const embed = async (...texts: string[]) => (await models.generateEmbeddings(texts)).vectors;
const dot = (a: Float32Array, b: Float32Array): number => a.reduce((sum, value, i) => sum + value * (b[i] ?? 0), 0);

it("gives the same text the same vector for good: a change needs another name", async () => {
  const { model, vectors } = await models.generateEmbeddings(["customer e-mail address", "Größe 10.5"]);
  expect(model).toBe("lexical-256-v1");
  const texts = vectors.map((vector) => [...vector].map((value) => value.toFixed(5)).join());
  expect(sha256(texts.join(";"))).toMatchInlineSnapshot(
    `"c11cbf85b122fa7969c149192c394c0476ff04dd2d8e02047724017c26563997"`,
  );
});

it("has vectors of length 1, and of zeros where there is no word", async () => {
  const vectors = await embed("a", "order_date", "x ".repeat(100_000), "", "— !");
  expect(vectors.map((vector) => [vector.length, Math.round(dot(vector, vector) * 1e4) / 1e4])).toEqual([
    [256, 1],
    [256, 1],
    [256, 1],
    [256, 0],
    [256, 0],
  ]);
});

it("holds texts for near that share words or pieces of words, and says nothing of their meaning", async () => {
  const [query, same, form, piece, synonym, other] = (await embed(
    "customer email",
    "CustomerEmail",
    "e-mails of customers",
    "customer_id",
    "patron electronic mail",
    "unit price",
  )) as [Float32Array, Float32Array, Float32Array, Float32Array, Float32Array, Float32Array];
  const near = (vector: Float32Array): number => dot(query, vector);
  expect(near(same)).toBeCloseTo(1, 5);
  expect(near(form)).toBeGreaterThan(near(other));
  expect(near(piece)).toBeGreaterThan(near(synonym));
  expect(near(synonym)).toBeLessThan(0.35);
});

it("takes letters for what they are without case and accents", async () => {
  const [a, b] = (await embed("Größe CAFÉ", "große café")) as [Float32Array, Float32Array];
  expect(dot(a, b)).toBeCloseTo(1, 5);
});

it("has no completions, and says so", async () => {
  expect(await models.isModelAvailable("completion")).toBe(false);
  await expect(models.generateCompletion({ prompt: "?", maxOutputTokens: 1 })).rejects.toMatchObject({
    code: "model.not_configured",
    status: 501,
  });
});

import { describe, expect, it } from "vitest";

import { EntityGraph } from "../../../shared/semantic/entity-graph.ts";
import { findMentions } from "../../../shared/semantic/find-entities.ts";

const found = (text: string) => findMentions(text).map(({ entityType, name }) => `${entityType}: ${name}`);

describe("mentions", () => {
  it.each([
    ["write to a.b+c@mail.example.org.", ["email: a.b+c@mail.example.org"]],
    ["see https://example.org/a?b=1#c, or ask", ["url: https://example.org/a?b=1#c"]],
    ["on 2024-02-29, 1.2.2024, 5/6/2024", ["date: 2024-02-29", "date: 1.2.2024", "date: 5/6/2024"]],
    ["from March 3rd, 2024 to 4 April 2025", ["date: March 3rd, 2024", "date: 4 April 2025"]],
    ["costs $1,234.50, €5 or 10 EUR, not 12", ["amount: $1,234.50", "amount: €5", "amount: 10 EUR"]],
    ["USD 3 million", ["amount: USD 3 million"]],
    [
      "the Bank of England and Müller & Söhne GmbH",
      ["organization: Bank of England", "organization: Müller & Söhne GmbH"],
    ],
    ["as Dr. Ada Lovelace told Mr Babbage", ["person: Dr. Ada Lovelace", "person: Mr Babbage"]],
    ["about Ludwig van Beethoven there", ["phrase: Ludwig van Beethoven"]],
    ["nothing is named here, not even NASA", []],
    ["", []],
  ])("of %j", (text, mentions) => {
    expect(found(text)).toEqual(mentions);
  });

  it("say where they are, and none overlaps another", () => {
    const text = "Acme Corp paid jane.doe@acme.example on 2024-01-01.";
    for (const { name, start, end } of findMentions(text)) expect(text.slice(start, end).trim()).toBe(name);
    expect(found(text)).toHaveLength(3);
  });

  it("are found in time that grows with the text, whatever it is made of", () => {
    const size = 20_000;
    const hostile = ["A ", "A. ", "a@", "https://", "1,", "$1 ", "Mr ", "Bank of ", "Ä-", "x".repeat(100)];
    const times = hostile.map((piece) => {
      const text = piece.repeat(size / piece.length);
      const started = performance.now();
      findMentions(text);
      return performance.now() - started;
    });
    const even = "Plain words of no interest whatever. ".repeat(size / 37);
    const started = performance.now();
    for (let round = 0; round < 3; round += 1) findMentions(even);
    const plain = (performance.now() - started) / 3;
    for (const time of times) expect(time / Math.max(plain, 1)).toBeLessThan(400);
  });
});

describe("the graph of a text", () => {
  it("counts what is named, relates what is named in one sentence, and says where", () => {
    const graph = new EntityGraph();
    graph.add("Acme Corp hired Dr. Ann Lee. Acme Corp grew.", 0);
    graph.add("ACME Corp and Dr. Ann Lee met Beta Ltd.", 7);
    const items = graph.items("s");
    const entities = items.flatMap((item) => (item.kind === "entity" ? [`${item.name} ${item.count}`] : []));
    expect(entities).toEqual(["Acme Corp 3", "Dr. Ann Lee 2", "Beta Ltd 1"]);
    const relations = items.filter((item) => item.kind === "relation");
    expect(relations.map(({ count }) => count)).toEqual([2, 1, 1]);
    expect(relations[0]?.evidence).toEqual([
      { record: 0, start: 0, end: 28 },
      { record: 7, start: 0, end: 39 },
    ]);
    expect(graph.truncated).toBe(false);
  });

  it("leaves out what its rules are less sure of than is wanted", () => {
    const graph = new EntityGraph(0.6);
    graph.add("Ludwig van Beethoven wrote to Acme Corp.", 0);
    expect(graph.items("s").map((item) => item.kind === "entity" && item.name)).toEqual(["Acme Corp"]);
  });

  it("keeps the most named of very many, and says that it has dropped some", () => {
    const graph = new EntityGraph();
    for (let n = 0; n < 3_000; n += 1) graph.add(`Write to user${n}@example.org or info@example.org.`, n);
    const items = graph.items("s");
    expect(items.filter(({ kind }) => kind === "entity")).toHaveLength(2_000);
    expect(items[0]).toMatchObject({ name: "info@example.org", count: 3_000 });
    expect(graph.truncated).toBe(true);
  });
});

import { DatabaseSync } from "node:sqlite";

import { expect, it } from "vitest";

import { createGroupCommit } from "../../infra/adapters/sqlite/group-commit.ts";

/** A group commit over one table, and in which order its work ran. */
function counted() {
  const db = new DatabaseSync(":memory:");
  db.exec("CREATE TABLE notes (text TEXT PRIMARY KEY) STRICT");
  const group = createGroupCommit(db);
  const insert = db.prepare("INSERT INTO notes (text) VALUES (?)");
  const order: string[] = [];
  const add = (text: string) => () => {
    order.push(text);
    insert.run(text);
    return text;
  };
  const notes = () =>
    db
      .prepare("SELECT text FROM notes ORDER BY text")
      .all()
      .map((row) => String(row["text"]));
  return { group, order, add, notes };
}

it("work that rides goes with the next writer, in its transaction", async () => {
  const { group, order, add, notes } = counted();
  const rides = group.ride(add("rides"));
  await new Promise(setImmediate);
  expect(order).toEqual([]);
  expect(await Promise.all([group.run(add("drives")), rides])).toEqual(["drives", "rides"]);
  expect(order).toEqual(["rides", "drives"]);
  expect(notes()).toEqual(["drives", "rides"]);
});

it("work that rides goes by itself when nobody drives", async () => {
  const { group, add, notes } = counted();
  expect(await group.ride(add("alone"))).toBe("alone");
  expect(notes()).toEqual(["alone"]);
  expect(await group.ride(add("again"))).toBe("again");
});

it("settled does not wait for a ride: it drives", async () => {
  const { group, order, add } = counted();
  const rides = group.ride(add("rides"));
  await group.settled();
  expect(order).toEqual(["rides"]);
  expect(await rides).toBe("rides");
});

it("G2: a rider that throws takes its driver not down, nor the driver its rider", async () => {
  const { group, add, notes } = counted();
  const outcomes = await Promise.allSettled([group.ride(add("a")), group.run(add("a")), group.run(add("b"))]);
  expect(outcomes.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
  expect(notes()).toEqual(["a", "b"]);
});

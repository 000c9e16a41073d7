import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";

import { describe, expect, it } from "vitest";

import { createGroupCommit } from "../../infra/adapters/sqlite/group-commit.ts";
import { temporaryFolder } from "../kit/temporary-folder.ts";

/** A table of notes behind a group commit, and a second connection that sees only what is committed. */
async function notes() {
  const folder = await temporaryFolder();
  const path = join(folder.path, "notes.db");
  const db = new DatabaseSync(path);
  db.exec("PRAGMA journal_mode = WAL; CREATE TABLE notes (text TEXT PRIMARY KEY) STRICT");
  const witness = new DatabaseSync(path);
  const group = createGroupCommit(db);
  const insert = db.prepare("INSERT INTO notes (text) VALUES (?)");
  return {
    db,
    group,
    add: (text: string) => insert.run(text),
    committed: () =>
      witness
        .prepare("SELECT text FROM notes ORDER BY text")
        .all()
        .map((row) => String(row["text"])),
    [Symbol.asyncDispose]: async () => {
      witness.close();
      if (db.isOpen) db.close();
      await folder[Symbol.asyncDispose]();
    },
  };
}

describe("group commit", () => {
  it("G1: a writer hears of success only once others can see its work", async () => {
    await using on = await notes();
    const seen: string[][] = [];
    const write = (text: string) => on.group.run(() => on.add(text)).then(() => seen.push(on.committed()));
    await Promise.all([write("a"), write("b")]);
    expect(seen).toEqual([
      ["a", "b"],
      ["a", "b"],
    ]);
  });

  it("writers of one turn share one transaction, in the order in which they came", async () => {
    await using on = await notes();
    const during: string[][] = [];
    const write = (text: string) =>
      on.group.run(() => {
        during.push(on.committed());
        on.add(text);
        return text;
      });
    expect(await Promise.all([write("a"), write("b"), write("c")])).toEqual(["a", "b", "c"]);
    expect(during).toEqual([[], [], []]);
    expect(await write("d")).toBe("d");
    expect(during[3]).toEqual(["a", "b", "c"]);
  });

  it("G2: a writer that throws rolls back its own work alone, and hears its own error", async () => {
    await using on = await notes();
    const outcomes = await Promise.allSettled([
      on.group.run(() => on.add("before")),
      on.group.run(() => {
        on.add("half");
        throw new RangeError("gave up");
      }),
      on.group.run(() => on.add("after")),
    ]);
    expect(outcomes.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
    expect(outcomes[1]).toMatchObject({ reason: new RangeError("gave up") });
    expect(on.committed()).toEqual(["after", "before"]);
  });

  it("G2: a writer that breaks a constraint takes nobody down with it", async () => {
    await using on = await notes();
    const outcomes = await Promise.allSettled(["a", "a", "b"].map((text) => on.group.run(() => on.add(text))));
    expect(outcomes.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
    expect(on.committed()).toEqual(["a", "b"]);
  });

  it("G3: when the transaction cannot be committed, every writer in it hears so and nothing remains", async () => {
    await using on = await notes();
    on.db.exec(
      "PRAGMA foreign_keys = ON; CREATE TABLE links (note TEXT REFERENCES notes (text) DEFERRABLE INITIALLY DEFERRED)",
    );
    // A deferred constraint is checked by COMMIT itself, so no writer fails before it.
    const link = on.db.prepare("INSERT INTO links (note) VALUES (?)");
    const outcomes = await Promise.allSettled([
      on.group.run(() => on.add("innocent")),
      on.group.run(() => link.run("nowhere")),
    ]);
    const refused = { status: "rejected", reason: { code: "store.unavailable", retryable: true } };
    expect(outcomes).toMatchObject([refused, refused]);
    expect(on.committed()).toEqual([]);
    await on.group.run(() => on.add("afterwards"));
    expect(on.committed()).toEqual(["afterwards"]);
  });

  it("G3: on a full disk every writer hears that the store is unavailable, and nothing of a failed one remains", async () => {
    await using on = await notes();
    const { page_count: pages } = on.db.prepare("PRAGMA page_count").get() as { page_count: number };
    on.db.exec(`PRAGMA max_page_count = ${pages + 1}`);
    const outcomes = await Promise.allSettled([
      on.group.run(() => on.add("small")),
      on.group.run(() => on.add("large".repeat(100_000))),
    ]);
    expect(outcomes[1]).toMatchObject({ status: "rejected", reason: { code: "store.unavailable" } });
    expect(on.committed()).toEqual(outcomes[0]?.status === "fulfilled" ? ["small"] : []);
  });

  it("a database that is closed rejects, and rejects again", async () => {
    await using on = await notes();
    on.db.close();
    for (const _ of [1, 2]) {
      await expect(on.group.run(() => undefined)).rejects.toMatchObject({ code: "store.unavailable" });
    }
  });

  it("a rider goes with the next writer's transaction", async () => {
    await using on = await notes();
    const rider = on.group.ride(() => on.add("rider"));
    const during = await on.group.run(() => on.db.prepare("SELECT text FROM notes").all().length);
    expect(during).toBe(1);
    await rider;
    expect(on.committed()).toEqual(["rider"]);
  });

  it("a rider that nobody comes for goes alone, and settled does not forget it", async () => {
    await using on = await notes();
    await on.group.ride(() => on.add("alone"));
    expect(on.committed()).toEqual(["alone"]);
    const rider = on.group.ride(() => on.add("last"));
    await on.group.settled();
    await rider;
    expect(on.committed()).toEqual(["alone", "last"]);
  });

  it("settled waits for all that was queued", async () => {
    await using on = await notes();
    let done = false;
    void on.group.run(() => on.add("a")).then(() => (done = true));
    await on.group.settled();
    expect(on.committed()).toEqual(["a"]);
    expect(done).toBe(true);
    await on.group.settled();
  });
});

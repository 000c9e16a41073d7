/**
 * A process of its own that opens the store file given as its first argument at the moment given as its second (epoch
 * milliseconds), claims and completes whatever is abandoned, and prints the ids of what it claimed as JSON.
 */
import { createSqliteStore } from "../../infra/adapters/sqlite/execution-store.ts";
import { createIds } from "../../shared/ids.ts";
import { systemRandom } from "../../infra/adapters/system/system.ts";

const [path = "", startMs = "0", nowMs = "0"] = process.argv.slice(2);
const workerId = createIds(systemRandom).worker();
while (Date.now() < Number(startMs)) {
  // Spins, so that all rivals start within the same millisecond.
}
const store = createSqliteStore(path);
const claimed: string[] = [];
const times = { nowMs: Number(nowMs), deadAfterMs: 3_000 };
for (const ref of await store.abandoned({ ...times, limit: 1_000 })) {
  const claim = await store.claim({ ...ref, ...times, workerId });
  if (claim.outcome !== "claimed") continue;
  claimed.push(ref.executionId);
  const state = { status: "completed", terminal: true, head: { by: workerId }, steps: [] };
  const change = { records: [], log: [], outbox: [], mail: [] };
  const { outcome } = await store.commit({ ...ref, epoch: claim.epoch, state, change, readMail: [] });
  if (outcome !== "committed") throw new Error(`${ref.executionId} was claimed, and then ${outcome}`);
}
await store.close();
process.stdout.write(JSON.stringify(claimed));

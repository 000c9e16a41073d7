import { setTimeout as sleep } from "node:timers/promises";

import { openGuestPool } from "../../infra/adapters/wasm/guest-pool.ts";

/** A process of its own that has so many threads for guests, and prints the bytes that it takes: `node thread-memory.ts <threads>`. */
const threads = Number(process.argv[2]);
const pool = await openGuestPool({ modules: { read: () => Promise.resolve(undefined) }, threads });
// Until all have started.
await sleep(1_000 + threads * 150);
console.log(process.memoryUsage.rss());
await pool.close();
